import { expect, test } from "vitest";
import { wordsOf } from "./words";

test("words come one by one or several at once", () => {
  expect(wordsOf(["営業時間", "何時まで、 送料,送料", " "])).toEqual(["営業時間", "何時まで", "送料"]);
});
