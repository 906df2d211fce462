// What the API answers, by the names that the pages use. The shapes are written from api/openapi.yaml (npm run types).
import type { components } from "./api.gen";
import type { Text } from "./i18n";
import type { Channel } from "./parts/channels";

type Schemas = components["schemas"];

export type Problem = Partial<Schemas["Problem"]> & Pick<Schemas["Problem"], "status" | "title" | "detail">;
export type Session = Schemas["SessionPage"];
export type Alert = Schemas["AlertRow"];
export type LiveEvent = Schemas["LiveEvent"];
export type Person = Schemas["PersonPage"];
export type TimelineItem = Schemas["TimelineItem"];
export type TraitSource = Schemas["TraitSource"];
export type SocialChat = Schemas["SocialChat"];
export type Segment = Schemas["SegmentRow"];
export type SegmentUse = Schemas["SegmentUse"];
export type SegmentLanguage = Schemas["LanguagePage"];
export type LanguageField = Schemas["LanguageField"];
export type Block = Schemas["Block"];
export type ProblemDetail = Schemas["ProblemDetail"];
export type Journey = Schemas["JourneyPage"];
export type JourneyExample = Schemas["JourneyExample"];
export type Source = Schemas["SourceRow"];
export type Connection = Schemas["ConnectionRow"];
export type SourceCall = Schemas["SourceCall"];
export type Mapping = Schemas["Mapping"];
export type Tried = Schemas["TryOutputBody"];
export type DebugCall = Schemas["DebugCall"];
export type Move = Schemas["MovePage"];
export type MoveFile = Schemas["MoveFile"];
export type Import = Schemas["ImportRow"];
export type ImportFormat = Schemas["ImportFormat"];
export type ImportPlan = Schemas["ImportPlan"];
export type ImportPreview = Schemas["ImportPreview"];
export type FilePull = Schemas["FilePullRow"];
export type FilePullBody = Schemas["FilePull"];
export type PulledFile = Schemas["PulledFile"];
export type Place = Schemas["PlaceRow"];
export type Stream = Schemas["StreamRow"];
export type StreamBody = Schemas["Stream"];
export type StreamLanguage = Schemas["StreamLanguageOutputBody"];
export type DeadLetter = Schemas["DeadRow"];
export type Key = Schemas["KeyRow"];
export type Role = NonNullable<Exclude<Schemas["NewKeyInputBody"]["role"], "">>;

// Documents that the API carries as they are: a journey's is in journey/model.ts, a LINE message is what LINE's Messaging API takes.
export interface LineMessage { type: string; text?: string; altText?: string; contents?: Record<string, unknown>; template?: Record<string, unknown>; originalContentUrl?: string; previewImageUrl?: string; quickReply?: { items: { action: { label: string } }[] } }
export type Finding = Schemas["Finding"];
export type LintPage = Schemas["LintPage"];
export type Permission = Schemas["PermissionItem"];
type TemplateOverride = NonNullable<Schemas["Finding"]["override"]>;
// A template's body (docs/schemas): what is there once may be a list of texts that are compared.
export interface TemplateVariant { subject?: string | string[]; preheader?: string | string[]; from_name?: string | string[]; html?: string; text?: string; messages?: unknown; content?: unknown; source?: { kind: "blocks" | "mjml" | "html"; mjml?: string; blocks?: unknown[] } }
export interface TemplateDefinition { name?: string; channel: Channel; purpose: "marketing" | "transactional"; title?: Partial<Text>; overrides?: Partial<TemplateOverride>[]; variants: Record<string, TemplateVariant>; [other: string]: unknown }
export type TemplatePage = Schemas["TemplatePage"];
export type TemplateVariable = Schemas["TemplateVariable"];
export type BroadcastPage = Schemas["BroadcastPage"];
export type BroadcastRow = Schemas["BroadcastRow"];
export type BroadcastBody = Schemas["BroadcastBody"];
export type DeliverabilityRow = Schemas["DeliverabilityRow"];
export type LineAccount = Schemas["LineAccountRow"];
export type LineSource = Schemas["LineSourceRow"];
export type Reply = Schemas["ReplyRow"];
export type RichMenu = Schemas["MenuRow"];
export type Picture = Schemas["ImageRow"];
export type Held = Schemas["HeldCount"];
export type Stop = Schemas["StopRow"];
export type LimitsPage = Schemas["LimitsPage"];
export type LimitAccount = Schemas["LimitAccount"];
export type LimitRow = Schemas["LimitRow"];
export type Delivery = Schemas["Delivery"];
export type Outlook = Schemas["OutlookPage"];
export type PostalBatchRow = Schemas["PostalBatchRow"];
export type PostalBatchPage = Schemas["PostalBatchPage"] & PostalBatchRow;
export type PostalPiece = Schemas["PostalPieceRow"];
export type PostalProblem = Schemas["PostalProblem"];
export type PostalAddressText = Schemas["PostalAddressText"];
export type PostalProof = Schemas["PostalProof"];
export type PostalBookRow = Schemas["PostalBookRow"];
export type PostalTroubled = Schemas["PostalTroubledRow"];
export type PostalReturns = Schemas["PostalReturnsPage"];
export type PostalOrders = Schemas["PostalOrders"];
export type Audience = Schemas["AudienceRow"];
export type AudiencePage = Schemas["AdAudiencePageBody"];
export type Narrowcast = Schemas["NarrowcastRow"];
export type AudienceBody = Schemas["AudienceBody"];
export type AudienceForecast = Schemas["AudienceForecastBody"];
export type AdAccount = Schemas["AdAccountRow"];
