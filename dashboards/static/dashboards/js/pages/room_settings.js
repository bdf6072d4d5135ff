// A room's settings: the lines of a new webhook can be copied.

import { copyButtons } from "../shell/copy_buttons.js";

copyButtons();
