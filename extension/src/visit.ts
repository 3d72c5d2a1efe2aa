import { VISIT, VISIT_SIGNED_IN } from "./messages.ts";

// Runs only at sites where the user taught a field, or wants to be reminded of
// switching to an authenticator. It tells the background that such a page is
// here, and whether somebody seems to be signed in: there is a way out, or
// neither a password nor a way in.

const OUT =
  /log.?out|sign.?out|logoff|sign.?off|abmeld|déconnexion|deconnexion|cerrar.?sesi|sair|disconnetti|выйти|выход|ログアウト|退出|登出|로그아웃/i;
const IN = /log.?in|sign.?in|anmeld|connexion|iniciar.?sesi|entrar|войти|ログイン|登录|登入|로그인/i;

function signedIn(): boolean {
  const ways = [
    ...document.querySelectorAll<HTMLElement>("a[href], button, [role=button], [role=menuitem], form[action]"),
  ];
  const says = (pattern: RegExp) =>
    ways.some((each) =>
      pattern.test(`${each.getAttribute("href") ?? each.getAttribute("action") ?? ""} ${short(each)}`),
    );
  if (says(OUT)) return true;
  return !document.querySelector("input[type=password]") && !says(IN) && !IN.test(location.pathname);
}

function short(element: HTMLElement): string {
  const text = element.textContent ?? "";
  return text.length < 40 ? text : "";
}

function tell() {
  if (!chrome.runtime?.id) return;
  const message = window.top === window && signedIn() ? VISIT_SIGNED_IN : VISIT;
  chrome.runtime.sendMessage(message).catch(() => undefined);
}

if (self.origin !== "null") {
  if ("prerendering" in document && document.prerendering)
    document.addEventListener("prerenderingchange", tell, { once: true });
  else tell();
}
