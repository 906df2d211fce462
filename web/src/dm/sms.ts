// How long an SMS is (3GPP TS 23.038): 7-bit letters, or 16-bit units once one letter is not among them; Japanese always is 16-bit.
// A text that is longer than one message goes in parts, each with a header; receivers join them. Japanese carriers join up to 660 characters.

const basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const extended = "^{}\\[~]|€"; // two 7-bit units each

interface SmsLength { units: number; parts: number; per: number; wide: boolean; over: boolean }

export const longest = { wide: 660, narrow: 1530 };

export function smsLength(text: string): SmsLength {
  const letters = [...text];
  const wide = letters.some((c) => !basic.includes(c) && !extended.includes(c));
  const units = wide ? text.length : letters.reduce((n, c) => n + (extended.includes(c) ? 2 : 1), 0);
  const [one, each] = wide ? [70, 67] : [160, 153];
  return { units, parts: units <= one ? 1 : Math.ceil(units / each), per: units <= one ? one : each, wide, over: units > (wide ? longest.wide : longest.narrow) };
}
