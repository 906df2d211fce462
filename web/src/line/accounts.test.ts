import { expect, test } from "vitest";
import { secretsOf } from "./accounts";

test("secrets of an account stand in the environment", () => {
  expect(secretsOf("default")).toEqual(["ENISHI_LINE__TOKEN", "ENISHI_LINE__SECRET"]);
  expect(secretsOf("shop2")).toEqual(["ENISHI_LINE__ACCOUNTS__SHOP2__TOKEN", "ENISHI_LINE__ACCOUNTS__SHOP2__SECRET"]);
});
