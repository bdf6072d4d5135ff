// A room's settings: the lines of a new webhook can be copied.

import { copyButtons } from "../copy_buttons.js";

copyButtons();
