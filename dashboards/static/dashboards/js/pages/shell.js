// What every page has for people who are signed in: menu, connection bar, badges, notifications, switcher.

import { initNotifications } from "../inbox/notifications.js";
import { showMenuBadges } from "../inbox/unread_badges.js";
import { initConnectionBar } from "../shell/connection_bar.js";
import { find } from "../shell/dom.js";
import { initMenu } from "../shell/menu.js";
import { connection, inbox } from "./page_connection.js";
import { initSwitcher } from "./switcher.js";

initMenu();
initConnectionBar(connection);
showMenuBadges(inbox);
initNotifications(connection, inbox);
initSwitcher(find(document, "switcher", HTMLDialogElement), inbox);
connection.start();
