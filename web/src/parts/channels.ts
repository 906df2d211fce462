import { IconBell, IconBrandMessenger, IconDeviceMobileMessage, IconMail, IconMailbox, IconMessageCircle } from "@tabler/icons-react";

/** The channels that messages go by, in the order in which they are offered. */
export const channels = ["email", "line", "sms", "push", "social", "postal"] as const;
export type Channel = (typeof channels)[number];

const looks: Record<string, { colour: string; icon: typeof IconMail }> = {
  email: { colour: "enji", icon: IconMail }, line: { colour: "teal", icon: IconMessageCircle }, sms: { colour: "blue", icon: IconDeviceMobileMessage },
  push: { colour: "grape", icon: IconBell }, social: { colour: "indigo", icon: IconBrandMessenger }, postal: { colour: "orange", icon: IconMailbox },
};

/** A step's channel may be a kind of one: line_notice goes by line. */
export const ofChannel = (c: string): string => c.split("_")[0];
export const channelColour = (c: string): string => looks[ofChannel(c)]?.colour ?? "gray";
export const channelIcon = (c: string): typeof IconMail => looks[ofChannel(c)]?.icon ?? IconMail;
