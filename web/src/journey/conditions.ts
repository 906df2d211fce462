// Conditions about what the journey is about, which the blocks for people do not have: offered by name, written as the engine
// reads them (docs/journeys.md). The order is that of the list.
export const known: [word: string, expression: string][] = [
  ["cartFull", "run.cart.items > 0"],
  ["cartEmpty", "run.cart.items == 0"],
  ["orderValid", "run.order.valid"],
  ["orderDelivered", "run.order.delivered"],
  ["orderNotDelivered", "!run.order.delivered"],
  ["orderShipped", "run.order.shipped"],
  ["orderReviewed", "run.order.reviewed"],
  ["orderNotReviewed", "!run.order.reviewed"],
  ["orderReturned", "run.order.returned || run.order.refunded"],
  ["orderFirst", "run.order.manual_sequence == 1"],
  ["noMessage", "run.messages_before == 0"],
  ["notAutomatic", "!event.order.automatic"],
  ["emptied", "event.web.items == 0"],
];

const plain = (text: string): string => text.replace(/\s+/g, " ").trim();

/** The word of a condition that is offered by name. */
export const wordOf = (expression: string): string | undefined => known.find(([, x]) => x === plain(expression))?.[0];

/** What can be chosen where: an event is at hand only where one is waited for or begins the journey. */
export const offered = (withEvent: boolean): [string, string][] => known.filter(([, x]) => withEvent || !x.includes("event."));
