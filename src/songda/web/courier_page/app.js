// The delivery office's page: the list, one item at a time, what happened at the door, now or when the line is back.

import { begin, count, drop, keep, numbers, read, wipeWhenSent } from "/courier/assets/store.js";
import { canScan, reducedPhoto, scan } from "/courier/assets/scan.js";

const [, , TENANT, OFFICE] = location.pathname.split("/");
const API = `/api/courier/${TENANT}/${OFFICE}`;
const MASK_AFTER_MS = 120000;
const DIGITS = 4;
const $ = (id) => document.getElementById(id);

let token = location.hash.slice(1);
let list = { items: [], outcomes: [], relations: [], call: {} };
//: The item that is open: {number, item (its row of the list, if known)}.
let open = null;
//: Waybill number → where what was shown of it lies in the store.
const seen = new Map();
let maskTimer = 0;
let stopCamera = null;
let syncing = false;
let saving = false;
let photo = null;

class NoLine extends Error {}

// {status, body}; throws NoLine when the server cannot be reached.
async function call(path, body) {
  const request = { headers: { Authorization: `Bearer ${token}` }, cache: "no-store", credentials: "omit" };
  if (body !== undefined) {
    Object.assign(request, { method: "POST", body: JSON.stringify(body) });
    request.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(API + path, request);
  } catch {
    show(false);
    throw new NoLine();
  }
  show(true);
  const read = await answer.json().catch(() => ({}));
  if (answer.status === 410 || answer.status === 403) $("renew").hidden = false;
  if (answer.status === 403) await forget();
  return { status: answer.status, body: read };
}

// The link was revoked: nothing that it has shown stays, and what waits to be sent waits for another link.
async function forget() {
  closeItem();
  for (const number of await numbers("shown")) await drop("shown", number);
  seen.clear();
  list = { ...list, items: [] };
  $("items").replaceChildren();
  $("summary").textContent = "链接已被作废";
  notice(refusal(403), true);
}

function show(online) {
  $("line").textContent = online ? "在线" : "离线";
}

function notice(text, bad = false) {
  $("notice").textContent = text;
  $("notice").classList.toggle("bad", bad);
  $("notice").hidden = !text;
}

function refusal(status, body) {
  if (status === 404) return "没有找到：链接不完整，或不是本网点的链接";
  if (status === 410) return "链接已过期";
  if (status === 403) return "链接已被作废。请向发出链接的人索取新链接；未同步的结果还在";
  if (status === 429) return "查询过于频繁，请稍等一分钟再试";
  return (body.error && body.error.message) || `服务暂时不可用（${status}）`;
}

function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

// ---- the list

async function refresh() {
  try {
    const { status, body } = await call("/items");
    if (status !== 200) {
      notice(refusal(status, body), true);
      $("summary").textContent = "没有读到清单";
      return;
    }
    list = body;
    notice("");
    draw();
  } catch (error) {
    if (!(error instanceof NoLine)) throw error;
    if (list.items.length === 0) $("summary").textContent = "离线，没有可读的清单";
    notice("离线：清单是上次读到的，结果先存在本机");
  }
}

function draw() {
  $("office").textContent = list.office_name || `网点 ${list.office}`;
  const expires = new Date(list.expires).toLocaleString("zh-CN", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "short" });
  $("summary").textContent = `${list.items.length} 件，链接有效至 ${expires}`;
  $("empty").hidden = list.items.length > 0;
  $("items").replaceChildren(...list.items.map(card));
  fill($("result"), list.outcomes.map((each) => [each.code, each.zh]), "请选择");
  fill($("relation"), list.relations.map((each) => [each.word, each.zh]), "请选择");
}

function fill(select, options, first) {
  const chosen = select.value;
  select.replaceChildren(new Option(first, ""), ...options.map(([value, text]) => new Option(text, value)));
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = "";
}

function card(item) {
  const node = element("li");
  const details = element("details");
  const summary = element("summary");
  const digits = element("span", `…${item.digits}`, "digits");
  digits.setAttribute("aria-label", `邮件号末四位 ${item.digits}`);
  summary.append(digits, ` ${item.name}　${item.address}`, element("br"));
  if (item.advice.hold) summary.append(element("span", "停止投递", "chip bad"));
  else summary.append(element("span", when(item.advice), "chip act"), element("span", item.advice.phone_first ? "先打电话" : "先上门", "chip"));
  summary.append(element("span", item.state, "chip"), element("span", item.place, "chip"));
  if (item.visits) summary.append(element("span", `已投 ${item.visits} 次`, "chip"));
  details.append(summary, advised(item));
  node.append(details);
  return node;
}

function when(advice) {
  const day = advice.day ? `${Number(advice.day.slice(5, 7))}月${Number(advice.day.slice(8))}日 ` : "";
  return `${day}${advice.from}–${advice.until}`;
}

function advised(item) {
  const advice = item.advice;
  const lines = element("dl");
  const add = (name, hints) => {
    const line = element("div");
    const value = element("dd");
    hints.forEach(({ text, reason }) => {
      value.append(element("span", text, "what"));
      if (reason) value.append(element("span", `理由：${reason}`, "why"));
    });
    line.append(element("dt", name), value);
    if (hints.length) lines.append(line);
  };
  if (advice.hold) {
    add("撤回", [advice.hold]);
    return lines;
  }
  const hours = `（只在 ${list.call.open}–${list.call.close}，每天不超过 ${list.call.most_a_day} 次）`;
  add("注意", advice.cautions);
  add("时段", [{ text: when(advice), reason: advice.why_then }]);
  add("入口", [advice.entrance]);
  add("电话", [{ text: advice.phone.text + hours, reason: advice.phone.reason }]);
  add("可交付", advice.hand_to);
  add("不可", [advice.never_to]);
  add("须记录", advice.record.map((text) => ({ text })));
  return lines;
}

// ---- one item

async function openItem(number, how) {
  closeItem();
  const matching = list.items.filter((item) => item.digits === number.slice(-DIGITS));
  if (list.items.length && matching.length === 0) {
    notice("不在本网点的清单上，请核对邮件号", true);
    return;
  }
  notice("");
  const mine = { number, item: matching.length === 1 ? matching[0] : null };
  open = mine;
  let shown = seen.has(number) ? await read("shown", seen.get(number)) : null;
  if (!shown) {
    try {
      const { status, body } = await call("/unmask", { waybill_no: number, how });
      // Another item was opened meanwhile: what comes late is not shown under its number.
      if (open !== mine) return;
      if (status !== 200) {
        open = null;
        notice(status === 404 ? "不在本网点的清单上，请核对邮件号" : refusal(status, body), true);
        return;
      }
      shown = body;
      seen.set(number, await keep("shown", shown));
    } catch (error) {
      if (!(error instanceof NoLine)) throw error;
      if (open === mine) notice("离线：没有看过的收件信息不能显示，仍可填写结果");
    }
  }
  if (open !== mine) return;
  if (shown) open.item = list.items.find((item) => item.ref === shown.ref) || open.item;
  drawItem(shown);
}

function drawItem(shown) {
  const item = open.item;
  $("opened-title").textContent = `邮件 ${open.number}`;
  const hold = item && item.advice.hold;
  $("hold").hidden = !hold;
  $("hold").textContent = hold ? hold.text : "";
  reveal(shown);
  $("advice").replaceChildren(...(item ? [advised(item)] : []));
  $("outcome").reset();
  forgetPhoto();
  changed();
  $("opened").hidden = false;
  $("opened").focus();
}

function reveal(shown) {
  clearTimeout(maskTimer);
  $("receiver").hidden = !shown;
  $("masked").hidden = Boolean(shown);
  $("masked").textContent = "收件信息已遮住；再扫描或输入一次邮件号可重新显示。";
  $("fields").replaceChildren();
  $("call").hidden = true;
  if (!shown) return;
  const add = (name, value) => {
    const line = element("div");
    const cell = element("dd");
    cell.append(value);
    line.append(element("dt", name), cell);
    $("fields").append(line);
  };
  add("收件人", shown.name);
  add("地址", shown.address.join(" "));
  if (shown.phone && mayCall()) {
    const link = element("a", shown.phone);
    link.href = `tel:${shown.phone}`;
    add("电话", link);
    $("call").textContent = `可以这样说：“${list.call.words}”${list.call.never}。`;
    $("call").hidden = false;
  }
  maskTimer = setTimeout(() => reveal(null), MASK_AFTER_MS);
}

// The hour in Shanghai, whatever zone the device is set to: an item that was shown by day is opened again at night.
function mayCall() {
  const clock = new Date().toLocaleTimeString("en-GB", { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit" });
  return list.call.open <= clock && clock < list.call.close;
}

function closeItem() {
  if (open) reveal(null);
  open = null;
  forgetPhoto();
  $("outcome").reset();
  $("advice").replaceChildren();
  $("opened-title").textContent = "";
  $("opened").hidden = true;
}

// ---- the outcome

function changed() {
  const chosen = list.outcomes.find((each) => each.code === $("result").value);
  const signed = Boolean(chosen && chosen.signer);
  $("signer").hidden = !signed;
  $("relation").required = signed;
  const relation = $("relation").value;
  const known = open && open.item && signed && relation;
  $("not-allowed").hidden = !(known && !open.item.advice.relations.includes(relation));
}

function forgetPhoto() {
  photo = null;
  $("preview").removeAttribute("src");
  $("preview").hidden = true;
  $("slip").value = "";
}

async function photographed() {
  const [file] = $("slip").files;
  photo = null;
  $("preview").hidden = true;
  if (!file) return;
  try {
    photo = await reducedPhoto(file);
  } catch {
    forgetPhoto();
    notice("这张照片读不了，请重拍签收联", true);
    return;
  }
  $("preview").src = `data:image/jpeg;base64,${photo}`;
  $("preview").hidden = false;
}

async function save(event) {
  event.preventDefault();
  // A second tap finds nothing open any more, or the first still being kept.
  if (!open || saving) return;
  saving = true;
  const signed = !$("signer").hidden;
  const report = {
    id: crypto.randomUUID(),
    waybill_no: open.number,
    at: new Date().toISOString(),
    outcome: $("result").value,
    relation: signed ? $("relation").value : "",
    signer_name: signed ? $("name").value.trim() : "",
    slip: photo,
  };
  try {
    await keep("reports", report);
    closeItem();
  } finally {
    saving = false;
  }
  await drawPending();
  await sync();
}

// ---- the line

async function sync() {
  if (syncing) return;
  syncing = true;
  let sent = 0;
  try {
    // Reports may be added while others are on their way.
    for (let waiting = await numbers("reports"); waiting.length; waiting = await numbers("reports")) {
      const report = await read("reports", waiting[0]);
      const { status, body } = await call("/outcomes", { outcomes: [report] });
      if (status !== 200) {
        notice(refusal(status, body), true);
        return;
      }
      answer(report, body.answers[0]);
      await drop("reports", waiting[0]);
      await drawPending();
      sent += 1;
    }
    // Nothing waits any more: what was shown goes as well, and the key with it.
    if (sent && (await wipeWhenSent())) seen.clear();
    await refresh();
  } catch (error) {
    if (!(error instanceof NoLine)) throw error;
    notice("离线：结果已加密存在本机，有网络时会自动同步");
  } finally {
    syncing = false;
  }
}

function answer(report, said) {
  const good = ["taken", "duplicate"].includes(said.status);
  const line = element("li", `…${report.waybill_no.slice(-DIGITS)}：${said.message}`, good ? "" : "bad");
  line.dataset.status = said.status;
  $("answers").prepend(line);
  $("answers-title").hidden = false;
}

async function drawPending() {
  const waiting = await count("reports");
  $("pending").hidden = waiting === 0;
  $("pending-title").textContent = `待同步 ${waiting} 条`;
  window.onbeforeunload = waiting ? (event) => event.preventDefault() : null;
}

async function useLink(event) {
  event.preventDefault();
  let url = null;
  try {
    url = new URL($("new-link").value.trim());
  } catch {
    // Said below.
  }
  if (!url || url.pathname !== location.pathname || !url.hash) {
    notice("这不是本网点的链接，请完整粘贴", true);
    return;
  }
  token = url.hash.slice(1);
  history.replaceState(null, "", url.hash);
  $("renew").hidden = true;
  $("new-link").value = "";
  await sync();
}

// ---- the beginning

function listen() {
  $("find").addEventListener("submit", (event) => {
    event.preventDefault();
    const number = $("number").value.trim().toUpperCase();
    $("number").value = "";
    openItem(number, "typed");
  });
  $("scan").hidden = !canScan();
  $("scan").addEventListener("click", async () => {
    $("camera").hidden = false;
    try {
      stopCamera = await scan($("video"), (text) => {
        if (!/^[0-9A-Za-z]{8,40}$/.test(text)) return false;
        $("camera").hidden = true;
        openItem(text.toUpperCase(), "scanned");
        return true;
      });
    } catch {
      $("camera").hidden = true;
      notice("相机不可用，请输入邮件号", true);
    }
  });
  $("stop").addEventListener("click", () => {
    $("camera").hidden = true;
    if (stopCamera) stopCamera();
  });
  $("mask").addEventListener("click", () => reveal(null));
  $("close").addEventListener("click", closeItem);
  $("refresh").addEventListener("click", refresh);
  $("sync").addEventListener("click", sync);
  $("result").addEventListener("change", changed);
  $("relation").addEventListener("change", changed);
  $("slip").addEventListener("change", photographed);
  $("outcome").addEventListener("submit", save);
  $("renew").addEventListener("submit", useLink);
  window.addEventListener("online", sync);
  window.addEventListener("offline", () => show(false));
  window.addEventListener("hashchange", () => {
    token = location.hash.slice(1);
    sync();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && open) reveal(null);
  });
}

async function register() {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/courier/sw.js", { scope: "/courier/" });
  const ready = await navigator.serviceWorker.ready;
  ready.active.postMessage("keep the shell");
}

async function start() {
  if (!window.isSecureContext) {
    notice("本页只能通过 https 打开", true);
    return;
  }
  // A second tab would wipe the store of the first.
  await new Promise((fulfil) => {
    navigator.locks.request("songda-courier", { ifAvailable: true }, (lock) => {
      if (!lock) {
        notice("本页已在另一个标签页打开，请回到那一页", true);
        return undefined;
      }
      fulfil();
      return new Promise(() => {});
    });
  });
  const lost = await begin();
  listen();
  await register().catch(() => {});
  await refresh();
  if (lost) notice(`上次有 ${lost} 条结果没有同步就关闭了本页，已无法恢复，请重新填写`, true);
}

start();
