// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { findFields } from "./find.ts";

/** A sentence of a log-in page for an app's code, a label, and a sentence for a code by text message. */
test.each([
  ["ar", "أدخل الرمز من تطبيق المصادقة", "رمز التحقق", "أرسلنا رمزًا في رسالة نصية إلى هاتفك"],
  ["bg", "Въведете кода от приложението за удостоверяване", "Код", "Изпратихме код чрез SMS"],
  ["cs", "Zadejte kód z ověřovací aplikace", "Ověřovací kód", "Poslali jsme vám kód v SMS"],
  ["da", "Indtast koden fra din godkendelsesapp", "Bekræftelseskode", "Vi har sendt en kode i en sms"],
  [
    "de",
    "Geben Sie den Code aus Ihrer Authenticator-App ein",
    "Bestätigungscode",
    "Wir haben Ihnen einen Code per SMS gesendet",
  ],
  ["el", "Εισαγάγετε τον κωδικό από την εφαρμογή επαλήθευσης", "Κωδικός", "Στείλαμε έναν κωδικό με SMS"],
  ["en", "Enter the code from your authenticator app", "Code", "We sent a code by text message"],
  ["es", "Introduce el código de tu aplicación de autenticación", "Código", "Hemos enviado un código por SMS"],
  ["fa", "کد برنامه احراز هویت را وارد کنید", "کد تایید", "کد با پیامک ارسال شد"],
  ["fi", "Anna todennussovelluksen koodi", "Vahvistuskoodi", "Lähetimme koodin tekstiviestillä"],
  ["fr", "Saisissez le code de votre application d’authentification", "Code", "Nous vous avons envoyé un code par SMS"],
  ["he", "הזן את הקוד מאפליקציית האימות", "קוד אימות", "שלחנו קוד בהודעת טקסט"],
  ["hi", "ऑथेंटिकेटर ऐप से कोड दर्ज करें", "सत्यापन कोड", "हमने एसएमएस से एक कोड भेजा है"],
  ["hu", "Adja meg a hitelesítő alkalmazás kódját", "Ellenőrző kód", "SMS-ben elküldtük a kódot"],
  ["id", "Masukkan kode dari aplikasi autentikator", "Kode", "Kami mengirim kode melalui SMS"],
  ["it", "Inserisci il codice dell’app di autenticazione", "Codice", "Ti abbiamo inviato un codice via SMS"],
  ["ja", "認証アプリに表示されているコードを入力してください", "確認コード", "SMSでコードを送信しました"],
  ["ko", "인증 앱에 표시된 코드를 입력하세요", "인증 코드", "문자 메시지로 코드를 보냈습니다"],
  ["nb", "Skriv inn koden fra autentiseringsappen", "Kode", "Vi har sendt en kode på SMS"],
  ["nl", "Voer de code uit je authenticator-app in", "Code", "We hebben een code per sms gestuurd"],
  ["pl", "Wpisz kod z aplikacji uwierzytelniającej", "Kod", "Wysłaliśmy kod SMS-em"],
  ["pt", "Digite o código do app autenticador", "Código", "Enviamos um código por SMS"],
  ["ro", "Introdu codul din aplicația de autentificare", "Cod", "Am trimis un cod prin SMS"],
  ["ru", "Введите код из приложения для аутентификации", "Код", "Мы отправили код в СМС"],
  ["sk", "Zadajte kód z overovacej aplikácie", "Kód", "Poslali sme vám kód cez SMS"],
  ["sv", "Ange koden från din autentiseringsapp", "Kod", "Vi har skickat en kod via sms"],
  ["th", "ป้อนรหัสจากแอปยืนยันตัวตน", "รหัสยืนยัน", "เราส่งรหัสทาง SMS แล้ว"],
  ["tr", "Kimlik doğrulama uygulamanızdaki kodu girin", "Kod", "SMS ile bir kod gönderdik"],
  ["uk", "Введіть код із застосунку для автентифікації", "Код", "Ми надіслали код у СМС"],
  ["vi", "Nhập mã từ ứng dụng xác thực", "Mã xác minh", "Chúng tôi đã gửi mã qua tin nhắn"],
  ["zh-Hans", "请输入身份验证器中的验证码", "验证码", "验证码已通过短信发送"],
  ["zh-Hant", "請輸入驗證器應用程式中的驗證碼", "驗證碼", "驗證碼已透過簡訊傳送"],
  ["bn", "অথেনটিকেটর অ্যাপ থেকে কোড লিখুন", "যাচাইকরণ কোড", "আমরা এসএমএসে একটি কোড পাঠিয়েছি"],
  ["ca", "Introdueix el codi de l'aplicació d'autenticació", "Codi", "T'hem enviat un codi per SMS"],
  ["et", "Sisesta autentimisrakenduse kood", "Kood", "Saatsime koodi SMS-iga"],
  ["hr", "Unesite kod iz aplikacije za autentifikaciju", "Kod", "Poslali smo kod SMS porukom"],
  ["ka", "შეიყვანეთ კოდი ავთენტიფიკატორის აპლიკაციიდან", "კოდი", "კოდი გამოგიგზავნეთ SMS-ით"],
  ["lt", "Įveskite kodą iš autentifikavimo programėlės", "Kodas", "Išsiuntėme kodą SMS žinute"],
  ["lv", "Ievadiet kodu no autentifikatora lietotnes", "Kods", "Nosūtījām kodu īsziņā"],
  ["ms", "Masukkan kod daripada aplikasi pengesah", "Kod", "Kami telah menghantar kod melalui SMS"],
  ["sl", "Vnesite kodo iz aplikacije za preverjanje pristnosti", "Koda", "Poslali smo kodo po SMS"],
  ["sr-Cyrl", "Унесите код из апликације аутентификатор", "Код", "Послали смо код СМС поруком"],
  ["ta", "அங்கீகரிப்பு செயலியில் உள்ள குறியீட்டை உள்ளிடவும்", "குறியீடு", "குறுஞ்செய்தி மூலம் குறியீடு அனுப்பினோம்"],
  ["ur", "تصدیقی ایپ سے کوڈ درج کریں", "کوڈ", "ہم نے ایس ایم ایس کے ذریعے کوڈ بھیجا"],
] as const)("%s: an app's code, and one by text message", (language, app, label, sms) => {
  document.documentElement.lang = language;
  expect(kindUnder(app, label)).toBe("totp");
  expect(kindUnder(sms, label)).toBe("otp-sms");
});

function kindUnder(text: string, label: string) {
  document.body.innerHTML = `<p>${text}</p><label>${label} <input name="x1" inputmode="numeric" maxlength="6"></label>`;
  return findFields(document)[0]?.kind;
}
