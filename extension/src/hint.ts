/** What a field for a code has somewhere in its markup or label, in most languages. */
export const HINT =
  /otp|[ck][oóòôõ]d|one.?time|[2mt]fa|token|\bpin\b|\bsms|verif|auth|factor|digit|challenge|maxlength="[1678]"|код|шифр|κωδ|קוד|رمز|كود|کد|कोड|รหัส|mã|コード|番号|코드|번호|[码碼]/i;
