// One source: the devices found there, its logins, and what its broker must allow.

import { initCopyButtons } from "../shell/copy_buttons.js";
import { clone, find, make, pageData, selectAll, setText } from "../shell/dom.js";
import { fieldValue, messageOf, onSubmit } from "../shell/forms.js";
import { FoundList } from "../sources/found_list.js";
import { SourceApi } from "../sources/source_api.js";

/** @import { Login } from "../sources/source_api.js" */

const POLL_MS = 3_000;
const page = pageData();
const api = new SourceApi(page.id);
const problem = find(document, "found-error");
const addAll = find(document, "add-all", HTMLButtonElement);
const showIgnored = find(document, "show-ignored", HTMLButtonElement);
let ignored = false;

const list = new FoundList(find(document, "found"), {
  add: (one) =>
    act(async () => {
      const { device } = await api.adopt(one.key);
      listAdded(device.uid, device.name, one.address);
    }),
  ignore: (one) => act(() => api.ignore(one.key, !one.ignored)),
});

/** Runs what a button asks for, and shows the list anew. @param {() => Promise<unknown>} work */
async function act(work) {
  setText(problem, "");
  try {
    await work();
  } catch (error) {
    setText(problem, messageOf(error));
  }
  await refresh();
}

/** @param {string} uid @param {string} name @param {string} address */
function listAdded(uid, name, address) {
  const row = make("li");
  const link = make("a", "", name);
  link.href = `/devices/${encodeURIComponent(uid)}/`;
  row.append(link, make("span", "mono muted", address));
  const added = find(document, "added");
  added.prepend(row);
  setText(find(document, "added-count"), String(added.childElementCount));
}

async function refresh() {
  const wanted = ignored;
  try {
    const [facts, found] = await Promise.all([api.facts(), api.found(wanted)]);
    if (wanted !== ignored) return;
    showState(facts);
    list.show(found, Date.now());
    setText(find(document, "found-title"), heading(found.length));
    addAll.hidden = ignored || !found.length;
    const empty = find(document, "found-empty");
    empty.hidden = found.length > 0;
    setText(empty, emptyText(facts.connected));
  } catch (error) {
    setText(problem, messageOf(error));
  }
}

/** @param {number} count */
function heading(count) {
  if (ignored) return `${count} ignored`;
  return page.own ? `${count} found` : `${count} found on your broker`;
}

/** @param {boolean} connected */
function emptyText(connected) {
  if (ignored) return "Nothing is ignored.";
  if (!connected) return "Nothing can be found until the hub is connected.";
  if (find(document, "added").childElementCount) return "Everything that was heard has been added or ignored.";
  return "Nothing new was heard yet. Devices appear here as soon as they publish; switch one on, or restart it.";
}

/** @param {import("../sources/source_api.js").SourceFacts} facts */
function showState(facts) {
  const state = find(document, "state");
  state.toggleAttribute("data-connected", facts.connected);
  const why = facts.state ? `Not connected: ${facts.state}` : "Not connected yet";
  setText(find(document, "state-text"), facts.connected ? "Connected" : why);
  find(document, "problem").hidden = !facts.problem;
  setText(find(document, "problem-text"), facts.problem);
}

function initFound() {
  addAll.addEventListener("click", () =>
    act(async () => {
      addAll.disabled = true;
      try {
        const known = await api.found(false);
        const { added, problems } = await api.adoptAll();
        for (const uid of added) {
          const one = known.find(({ key }) => key === uid || uid.startsWith(`${key.slice(0, 55)}-`));
          listAdded(uid, one?.name || one?.address || uid, one?.address ?? "");
        }
        const [first] = Object.entries(problems);
        if (first) setText(problem, `${first[0]} cannot be added: ${first[1]}`);
      } finally {
        addAll.disabled = false;
      }
    }),
  );
  showIgnored.addEventListener("click", () => {
    ignored = !ignored;
    showIgnored.setAttribute("aria-pressed", String(ignored));
    refresh();
  });
  setInterval(() => document.visibilityState === "visible" && refresh(), POLL_MS);
  refresh();
}

function initSettings() {
  const settingsError = find(document, "settings-error");
  const adopt = find(document, "adopt", HTMLInputElement);
  adopt.addEventListener("change", async () => {
    setText(settingsError, "");
    try {
      await api.setAdopt(adopt.checked);
    } catch (error) {
      adopt.checked = !adopt.checked;
      setText(settingsError, messageOf(error));
    }
  });
  find(document, "delete").addEventListener("click", async () => {
    try {
      await api.delete();
      location.assign(`/spaces/${page.space}/sources/`);
    } catch (error) {
      setText(settingsError, messageOf(error));
    }
  });
}

async function showLogins() {
  const loginError = find(document, "login-error");
  try {
    find(document, "logins").replaceChildren(...(await api.logins()).map(loginRow));
  } catch (error) {
    setText(loginError, messageOf(error));
  }
}

/** @param {Login} login */
function loginRow(login) {
  const parts = clone("source-login");
  setText(parts.username, login.username);
  setText(parts.label, login.label);
  parts.revoke.setAttribute("aria-label", `Revoke ${login.username}`);
  parts.revoke.addEventListener("click", async () => {
    try {
      await api.revoke(login.id);
    } catch (error) {
      setText(find(document, "login-error"), messageOf(error));
    }
    await showLogins();
  });
  return parts.root;
}

function initLogins() {
  onSubmit(find(document, "login-form", HTMLFormElement), find(document, "login-error"), async (form) => {
    const made = await api.createLogin(fieldValue(form, "label"));
    setText(find(document, "login-username"), made.username);
    setText(find(document, "login-secret"), made.secret);
    find(document, "new-login-secret").hidden = false;
    form.reset();
    await showLogins();
  });
  showLogins();
}

async function showAcl() {
  try {
    const lines = await api.acl();
    for (const code of selectAll(document, "[data-acl]")) setText(code, lines[String(code.dataset.acl)] ?? "");
  } catch (error) {
    setText(find(document, "acl-error"), messageOf(error));
  }
}

initFound();
initSettings();
initCopyButtons();
if (page.own) initLogins();
else showAcl();
