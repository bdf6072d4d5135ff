// The sources of a space: forms for a further one, and for a broker.

import { clone, find, make, pageData, select, selectAll, setText } from "../shell/dom.js";
import { fieldValue, messageOf, onSubmit } from "../shell/forms.js";
import {
  createBroker,
  createSource,
  deleteBroker,
  listConventions,
  testAddedBroker,
  testBroker,
} from "../sources/source_api.js";

/** @import { Convention } from "../sources/source_api.js" */

const { space } = pageData();
const sourceForm = find(document, "new-source", HTMLFormElement);
const brokerForm = find(document, "new-broker", HTMLFormElement);
const prefix = select(sourceForm, "[name=prefix]", HTMLInputElement);

/** @param {HTMLFormElement} form @param {string} name */
const isChecked = (form, name) => select(form, `[name=${name}]`, HTMLInputElement).checked;

async function showConventions() {
  const list = find(document, "conventions");
  try {
    const conventions = (await listConventions()).filter(({ name }) => name !== "mapping");
    list.replaceChildren(...conventions.map(choice));
  } catch (error) {
    list.replaceChildren(make("p", "invalid-feedback", messageOf(error)));
  }
}

/** @param {Convention} convention */
function choice(convention) {
  const parts = clone("convention-choice");
  parts.input.value = convention.name;
  setText(parts.title, convention.title);
  setText(parts.about, convention.about);
  parts.input.addEventListener("change", () => {
    prefix.value = convention.prefix;
  });
  return parts.root;
}

onSubmit(sourceForm, find(document, "source-error"), async (form) => {
  const convention = fieldValue(form, "convention");
  if (!convention) throw new Error("Choose what the devices speak.");
  const made = await createSource({
    space,
    broker: fieldValue(form, "broker"),
    convention,
    prefix: fieldValue(form, "prefix"),
    adopt: isChecked(form, "adopt"),
  });
  location.assign(`/sources/${made.id}/`);
});

function connection() {
  const tls = isChecked(brokerForm, "tls");
  return {
    space,
    host: fieldValue(brokerForm, "host"),
    port: Number(fieldValue(brokerForm, "port")),
    tls,
    ca: tls ? fieldValue(brokerForm, "ca") : "",
    username: fieldValue(brokerForm, "username"),
    password: String(new FormData(brokerForm).get("password") ?? ""),
  };
}

onSubmit(brokerForm, find(document, "broker-error"), async (form) => {
  const made = await createBroker({ ...connection(), name: fieldValue(form, "name") });
  const option = make("option", "", `${made.name} (${made.host})`);
  option.value = made.name;
  const brokers = find(document, "brokers", HTMLSelectElement);
  brokers.append(option);
  brokers.value = made.name;
  form.reset();
  brokers.focus();
  find(document, "broker-details", HTMLDetailsElement).open = false;
});

/** A broker that was added before. @param {HTMLElement} row @param {string} name */
function initBroker(row, name) {
  const result = find(row, "broker-result");
  const show = (/** @type {boolean} */ ok, /** @type {string} */ text) => {
    result.dataset.ok = String(ok);
    setText(result, text);
  };
  find(row, "broker-test").addEventListener("click", async () => {
    setText(result, "Testing…");
    try {
      const { ok, problem } = await testAddedBroker(space, name);
      show(ok, ok ? "The connection works." : problem);
    } catch (error) {
      show(false, messageOf(error));
    }
  });
  find(row, "broker-delete").addEventListener("click", async () => {
    try {
      await deleteBroker(name);
      row.remove();
      find(document, "brokers")
        .querySelector(`option[value="${CSS.escape(name)}"]`)
        ?.remove();
    } catch (error) {
      show(false, messageOf(error));
    }
  });
}

const test = find(document, "test", HTMLButtonElement);
test.addEventListener("click", async () => {
  const result = find(document, "test-result");
  const brokerError = find(document, "broker-error");
  setText(brokerError, "");
  delete result.dataset.ok;
  setText(result, "Testing…");
  test.disabled = true;
  try {
    const { ok, problem } = await testBroker(connection());
    result.dataset.ok = String(ok);
    setText(result, ok ? "The connection works." : problem);
  } catch (error) {
    setText(result, "");
    setText(brokerError, messageOf(error));
  } finally {
    test.disabled = false;
  }
});

const tls = select(brokerForm, "[name=tls]", HTMLInputElement);
tls.addEventListener("change", () => {
  find(document, "ca").hidden = !tls.checked;
  const port = select(brokerForm, "[name=port]", HTMLInputElement);
  if (port.value === (tls.checked ? "1883" : "8883")) port.value = tls.checked ? "8883" : "1883";
});
for (const link of selectAll(document, "[data-open-broker]")) {
  link.addEventListener("click", () => {
    find(document, "broker-details", HTMLDetailsElement).open = true;
    select(brokerForm, "[name=host]").focus({ preventScroll: true });
  });
}
for (const row of selectAll(document, "[data-broker]")) initBroker(row, String(row.dataset.broker));
showConventions();
