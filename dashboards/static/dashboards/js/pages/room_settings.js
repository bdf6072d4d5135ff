// The settings of a room: the lines of a new webhook can be copied.

import { initCopyButtons } from "../shell/copy_buttons.js";

initCopyButtons();
