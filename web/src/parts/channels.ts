/** The channels that messages go by, in the order in which they are offered. */
export const channels = ["email", "line", "sms", "push", "social", "postal"] as const;
export type Channel = (typeof channels)[number];

const colours: Record<string, string> = { email: "enji", line: "teal", sms: "blue", push: "grape", social: "indigo", postal: "orange" };

/** A step's channel may be a kind of one: line_notice goes by line. */
export const ofChannel = (c: string): string => c.split("_")[0];
export const channelColour = (c: string): string => colours[ofChannel(c)] ?? "gray";
