package api

import "net/http"

// role is what a caller may do; each includes those before it.
type role string

// Roles, weakest first. public operations need no caller.
const (
	public   role = "public"
	viewer   role = "viewer"   // reads
	editor   role = "editor"   // drafts, holds, replays
	approver role = "approver" // lets journeys live, exports people
	admin    role = "admin"    // keys, erasure, the clock
)

// rank orders roles; an unknown one is below all.
func (r role) rank() int {
	for i, x := range [...]role{public, viewer, editor, approver, admin} {
		if r == x {
			return i
		}
	}
	return -1
}

// includes tells whether a caller of this role may do what needs the other.
func (r role) includes(needed role) bool { return r.rank() >= 0 && r.rank() >= needed.rank() }

// kind says how a request of an operation is treated.
type kind uint8

const (
	reads   kind = iota // takes ?after=
	writes              // takes an Idempotency-Key, carries a reason
	asks                // a POST that changes nothing
	secret              // writes; its answer is shown once and never kept
	streams             // an answer without end
)

// operation is one line of the table of operations.
type operation struct {
	id, method, path string
	role             role
	kind             kind
	tag, summary     string
}

const (
	get   = http.MethodGet
	post  = http.MethodPost
	put   = http.MethodPut
	erase = http.MethodDelete
)

// operations is the scope of everything that can be called. A test fails on a route that is not here, and on a line
// without a route.
func operations() []operation {
	return []operation{
		{"get-session", get, "/session", viewer, reads, "Session", "Who I am, and what this workspace is"},
		{"open-session", post, "/session", public, asks, "Session", "Sign in with a token: sets the session cookie"},
		{"close-session", erase, "/session", public, asks, "Session", "Sign out"},

		{"get-home", get, "/home", viewer, reads, "Home", "What arrives, what was earned, what runs, what needs somebody"},
		{"follow-events", get, "/live", viewer, streams, "Home", "Events as they are appended (server-sent events)"},
		{"list-events", get, "/events", viewer, reads, "Home", "The newest events"},
		{"list-alerts", get, "/alerts", viewer, reads, "Home", "What needs somebody; also while the tables are away"},
		{"close-alert", post, "/alerts/{id}/close", editor, writes, "Home", "Close an alert"},

		{"list-people", get, "/people", viewer, reads, "People", "Search people"},
		{"get-person", get, "/people/{id}", viewer, reads, "People", "One person"},
		{"list-person-traits", get, "/people/{id}/traits", viewer, reads, "People", "The traits of a person, each with where it comes from and what others told"},
		{"change-trait", post, "/people/{id}/traits", editor, writes, "People", "Tell a trait by hand, or take it away"},
		{"list-notes", get, "/people/{id}/notes", viewer, reads, "People", "What the staff noted"},
		{"write-note", post, "/people/{id}/notes", editor, writes, "People", "Write a note, or a new text of one"},
		{"remove-note", erase, "/people/{id}/notes/{note}", editor, writes, "People", "Take a note away, with a reason"},
		{"get-line-person", get, "/people/{id}/line", viewer, reads, "People", "Name and picture on LINE, as LINE tells them now"},
		{"list-traits", get, "/traits", viewer, reads, "People", "All traits that people have, with the types found"},
		{"list-timeline", get, "/people/{id}/timeline", viewer, reads, "People", "What happened, newest first"},
		{"list-activity", get, "/people/{id}/activity", viewer, reads, "People", "How much happened in each month"},
		{"find-person", get, "/people/lookup", viewer, reads, "People", "Who has an identifier, with what a shop's server needs"},
		{"list-decisions", get, "/people/{id}/decisions", viewer, reads, "People", "Why messages were sent or were not"},
		{"get-social-state", get, "/people/{id}/social", viewer, reads, "People", "Direct messages to a person: windows, opt-ins, whether they can be reached now"},
		{"hold-person", post, "/people/{id}/hold", editor, writes, "People", "Hold marketing to a person"},
		{"release-person", erase, "/people/{id}/hold", editor, writes, "People", "End the hold"},
		{"list-consents", get, "/people/{id}/consents", viewer, reads, "People", "Every permission given, asked for or withdrawn, with its evidence"},
		{"find-consents", get, "/consents", viewer, reads, "People", "The same for an identifier, also of somebody who was erased"},
		{"change-consent", post, "/people/{id}/consents", editor, writes, "People", "Record a permission given or withdrawn"},
		{"erase-person", post, "/people/{id}/erase", admin, writes, "People", "Delete everything about a person"},
		{"list-merges", get, "/people/{id}/merges", viewer, reads, "People", "How somebody became one person: each link with the event or the operator it is from, refused ones with the reason"},
		{"get-parting", get, "/merges/{link}/undo", viewer, reads, "People", "What taking a link back does: whose identifiers, orders, permissions and runs are whose then"},
		{"unmerge-people", post, "/people/unmerge", editor, writes, "People", "Take a link between identifiers back"},
		{"join-people", post, "/people/join", editor, writes, "People", "Say that two people are one"},
		{"part-people", post, "/people/apart", editor, writes, "People", "Say that two people are not the same: nothing joins them by itself"},
		{"get-household", get, "/people/{id}/household", viewer, reads, "People", "Who shares a postal address and family name, or a phone, with somebody"},
		{"export-person", get, "/people/{id}/export", approver, reads, "People", "Everything that is kept of a person, as they may ask for it (開示): JSON, a page to read, or both with CSV; who asked is recorded"},

		{"list-segments", get, "/segments", viewer, reads, "Segments", "All segments with their members"},
		{"preview-segment", post, "/segments/preview", viewer, asks, "Segments", "Count an expression and show examples"},
		{"list-segment-gallery", get, "/segments/gallery", viewer, reads, "Segments", "Ready-made segments"},
		{"get-segment-language", get, "/segments/language", viewer, reads, "Segments", "Fields and functions of expressions"},
		{"convert-segment-blocks", post, "/segments/blocks", viewer, asks, "Segments", "An expression as the blocks of the builder, and back"},
		{"list-segment-values", get, "/segments/values", viewer, reads, "Segments", "Values that a field has had"},
		{"get-segment", get, "/segments/{name}", viewer, reads, "Segments", "One segment"},
		{"save-segment", put, "/segments/{name}", editor, writes, "Segments", "Save a new version"},
		{"delete-segment", erase, "/segments/{name}", editor, writes, "Segments", "Delete a segment"},
		{"sweep-segment", post, "/segments/{name}/sweep", editor, writes, "Segments", "Evaluate everybody anew"},
		{"list-sweeps", get, "/sweeps", viewer, reads, "Segments", "Where everybody is being evaluated anew, how far and how fast"},
		{"pause-sweep", post, "/sweeps/{id}/pause", editor, writes, "Segments", "Let a sweep stand still"},
		{"resume-sweep", post, "/sweeps/{id}/resume", editor, writes, "Segments", "Let it go on where it stands"},
		{"cancel-sweep", post, "/sweeps/{id}/cancel", editor, writes, "Segments", "End it: its segments stay stale until they are swept again"},
		{"count-segment", post, "/segments/count", viewer, asks, "Segments", "Count an expression or a segment among all people"},
		{"overlap-segments", post, "/segments/overlap", viewer, asks, "Segments", "How many people each combination of two to six segments has"},
		{"explain-segment", post, "/segments/explain", viewer, asks, "Segments", "Why a person is in it, or is not"},
		{"export-segment", post, "/segments/export", approver, asks, "Segments", "Everybody in it with chosen columns, as CSV or JSON lines; who, why and how many is recorded"},
		{"list-exports", get, "/exports", approver, reads, "Segments", "Who exported whom, when, why and how many"},
		{"list-export-columns", get, "/exports/columns", viewer, reads, "Segments", "What an export may have"},
		{"list-segment-uses", get, "/segments/{name}/uses", viewer, reads, "Segments", "Which journeys and segments use it"},
		{"get-segment-sizes", get, "/segments/{name}/sizes", viewer, reads, "Segments", "Its size over time, who entered and left, and when its condition changed"},
		{"list-segment-changes", get, "/segments/{name}/changes", viewer, reads, "Segments", "Who entered and left, newest first"},
		{"list-members", get, "/segments/{name}/members", viewer, reads, "Segments", "Who is in it"},

		{"list-ad-accounts", get, "/ad-accounts", viewer, reads, "Audiences", "Accounts at advertising platforms: who receives, where, on what ground, and what people are matched by"},
		{"list-audiences", get, "/audiences", viewer, reads, "Audiences", "Lists at advertising platforms that follow segments, and how they stand"},
		{"get-audience", get, "/audiences/{name}", viewer, reads, "Audiences", "One of them with its runs and calls"},
		{"save-audience", put, "/audiences/{name}", approver, writes, "Audiences", "Save an audience; its first run begins at once"},
		{"delete-audience", erase, "/audiences/{name}", approver, writes, "Audiences", "Delete it, and its list at the platform; what was disclosed stays on record"},
		{"sync-audience", post, "/audiences/{name}/sync", approver, writes, "Audiences", "Run it now"},
		{"audience-uploaded", post, "/audiences/{name}/uploaded", approver, writes, "Audiences", "Say that its files were uploaded by hand, at platforms that take no list from us; the alert about it ends"},
		{"try-audience", post, "/audiences/try", editor, asks, "Audiences", "Who would be added, taken out and left out, and why; nothing is sent"},
		{"list-disclosures", get, "/people/{id}/disclosures", approver, reads, "People", "Whom identifiers of the person were handed to, when and on what ground (第三者提供の記録)"},

		{"list-export-tables", get, "/export-tables", viewer, reads, "Exports", "The tables that can be exported whole with their columns, and the places they can go to"},
		{"list-export-plans", get, "/bulk-exports", viewer, reads, "Exports", "Exports that are kept, with their schedule and last run"},
		{"save-export-plan", put, "/bulk-exports/{name}", approver, writes, "Exports", "Save an export that can be run again, and runs by its schedule"},
		{"delete-export-plan", erase, "/bulk-exports/{name}", approver, writes, "Exports", "Delete it; files that were written stay"},
		{"start-export", post, "/export-runs", approver, writes, "Exports", "Write whole tables as Parquet, CSV or JSON lines, to download or to a place; answers at once; who and why is recorded"},
		{"list-export-runs", get, "/export-runs", viewer, reads, "Exports", "Exports of tables, the newest first"},
		{"get-export-run", get, "/export-runs/{id}", viewer, reads, "Exports", "One of them: how far it is, its files"},
		{"cancel-export-run", post, "/export-runs/{id}/cancel", approver, writes, "Exports", "End it; nothing of it stays"},
		{"get-export-file", get, "/export-runs/{id}/files/{file}", approver, reads, "Exports", "A file to download; it is kept for 7 days"},

		{"list-products", get, "/catalogue", viewer, reads, "Catalogue", "The products of the catalogue"},
		{"get-product", get, "/catalogue/products/{id}", viewer, reads, "Catalogue", "One product: its price and stock over time, and who is behind it"},
		{"save-product", put, "/catalogue/products/{id}", editor, writes, "Catalogue", "Write a product, or change a part of one"},
		{"save-products", post, "/catalogue/products", editor, writes, "Catalogue", "Write up to 1,000 products; those that cannot be taken are named, the others are taken"},

		{"list-lists", get, "/lists", viewer, reads, "Segments", "All static lists"},
		{"get-list", get, "/lists/{name}", viewer, reads, "Segments", "One static list"},
		{"save-list", put, "/lists/{name}", editor, writes, "Segments", "Save a new version"},
		{"delete-list", erase, "/lists/{name}", editor, writes, "Segments", "Delete an empty list that no segment names"},
		{"fill-list", post, "/lists/{name}/fill", editor, writes, "Segments", "Put people on it or take them off: by ids, as a segment stands, at random, or the top by a measure"},
		{"list-fillings", get, "/lists/{name}/fillings", viewer, reads, "Segments", "Who filled it, when, why and how many"},
		{"list-rankings", get, "/rankings", viewer, reads, "Segments", "All rankings with their cut points"},
		{"get-ranking", get, "/rankings/{name}", viewer, reads, "Segments", "One ranking and how many people each rank has"},
		{"save-ranking", put, "/rankings/{name}", editor, writes, "Segments", "Save a new version; it is computed at once"},
		{"delete-ranking", erase, "/rankings/{name}", editor, writes, "Segments", "Delete a ranking that no segment names"},
		{"compute-ranking", post, "/rankings/{name}/compute", editor, writes, "Segments", "Compute its cut points now"},

		{"list-journeys", get, "/journeys", viewer, reads, "Journeys", "All journeys with their results"},
		{"get-journey-schema", get, "/schemas/journey", viewer, reads, "Journeys", "JSON Schema of a journey, for editors"},
		{"list-journey-gallery", get, "/journeys/gallery", viewer, reads, "Journeys", "Ready-made journeys"},
		{"get-journey", get, "/journeys/{name}", viewer, reads, "Journeys", "One journey and its versions"},
		{"save-journey", put, "/journeys/{name}", editor, writes, "Journeys", "Save a new version"},
		{"change-journey-status", post, "/journeys/{name}/status", editor, writes, "Journeys", "Draft, in review, approved, live, paused, archived; live and approved need an approver"},
		{"list-journey-people", get, "/journeys/{name}/people", viewer, reads, "Journeys", "Where people stand"},
		{"get-journey-person", get, "/journeys/{name}/people/{person}", viewer, reads, "Journeys", "Where a person stands and how they came there, or why they are not in it"},
		{"preview-journey", post, "/journeys/{name}/preview", viewer, asks, "Journeys", "What it would do with a person as they are now; sends and keeps nothing"},
		{"expect-journey", post, "/journeys/{name}/expected", viewer, asks, "Journeys", "How many entries a month it may expect, from own history"},
		{"enter-journey", post, "/journeys/{name}/people", editor, writes, "Journeys", "Take a person into a journey that may be called"},
		{"leave-journey", erase, "/journeys/{name}/people/{person}", editor, writes, "Journeys", "Take a person out of a journey"},
		{"list-simulations", get, "/journeys/{name}/simulations", viewer, reads, "Journeys", "What was tried on the past, newest first"},
		{"start-simulation", post, "/journeys/{name}/simulations", editor, writes, "Journeys", "Try a draft or a version on people's real past; nothing is sent"},
		{"get-simulation", get, "/journeys/{name}/simulations/{id}", viewer, reads, "Journeys", "How far it is, and what it found"},
		{"list-simulation-people", get, "/journeys/{name}/simulations/{id}/people", viewer, reads, "Journeys", "The people behind one of its numbers"},
		{"get-simulation-person", get, "/journeys/{name}/simulations/{id}/people/{profile}", viewer, reads, "Journeys", "What would have happened to one person, step by step"},
		{"cancel-simulation", erase, "/journeys/{name}/simulations/{id}", editor, writes, "Journeys", "End it while it runs; forget it afterwards"},
		{"list-journey-moves", get, "/journeys/{name}/moves", viewer, reads, "Journeys", "How often people went from step to step"},
		{"list-journey-flight", get, "/journeys/{name}/flight", viewer, reads, "Journeys", "Who is under way, by version and step"},
		{"get-journey-results", get, "/journeys/{name}/results", viewer, reads, "Journeys", "What it did"},

		{"list-broadcasts", get, "/broadcasts", viewer, reads, "Broadcasts", "Messages to everybody in a segment at once"},
		{"get-broadcast", get, "/broadcasts/{name}", viewer, reads, "Broadcasts", "One broadcast: progress, who got it, who was left out and why"},
		{"save-broadcast", put, "/broadcasts/{name}", editor, writes, "Broadcasts", "Save a draft"},
		{"get-broadcast-sheet", get, "/broadcasts/{name}/sheet", viewer, reads, "Broadcasts", "Before sending: people by channel, left out by reason, previews, findings, what stands against it"},
		{"send-broadcast", post, "/broadcasts/{name}/send", approver, writes, "Broadcasts", "Send it, now or at its time"},
		{"change-broadcast-status", post, "/broadcasts/{name}/status", editor, writes, "Broadcasts", "Ask for review, approve, pause, resume or cancel"},
		{"choose-broadcast-winner", post, "/broadcasts/{name}/winner", approver, writes, "Broadcasts", "Choose the variant that everybody else gets"},
		{"get-broadcast-calendar", get, "/broadcasts/calendar", viewer, reads, "Broadcasts", "Campaigns past and planned by day, and what all journeys sent"},
		{"get-contact-load", get, "/reports/contacts", viewer, reads, "Reports", "How many messages people get in a month, who gets several campaigns, who gets none"},

		{"list-templates", get, "/templates", viewer, reads, "Templates", "All templates"},
		{"get-template", get, "/templates/{name}", viewer, reads, "Templates", "One template"},
		{"save-template", put, "/templates/{name}", editor, writes, "Templates", "Save a new version"},
		{"delete-template", erase, "/templates/{name}", editor, writes, "Templates", "Delete a template that no journey sends"},
		{"preview-template", post, "/templates/{name}/preview", viewer, asks, "Templates", "The message as a person would get it"},
		{"list-testers", get, "/testers", viewer, reads, "Templates", "The lists of testers, and by which channels a test reaches each of them"},
		{"test-template", post, "/templates/{name}/test", editor, writes, "Templates", "Send it to a list of testers as a person would get it, marked [TEST]; nothing of it is counted anywhere"},
		{"lint-template", post, "/templates/lint", viewer, asks, "Templates", "Check before sending: what a template owes, says and links to"},
		{"list-template-variables", get, "/templates/variables", viewer, reads, "Templates", "Values that templates may use"},
		{"list-words", get, "/templates/words", viewer, reads, "Templates", "The lists of words that the check looks for"},
		{"delete-words", erase, "/templates/words/{name}", approver, writes, "Templates", "Delete a list of the shop's own; one that comes with the product under this name acts again"},
		{"list-blocks", get, "/blocks", viewer, reads, "Templates", "Shared blocks of templates"},
		{"get-block", get, "/blocks/{name}", viewer, reads, "Templates", "One shared block"},
		{"save-block", put, "/blocks/{name}", editor, writes, "Templates", "Save a new version; it acts in every template that takes it in"},
		{"delete-block", erase, "/blocks/{name}", editor, writes, "Templates", "Delete a block that no template takes in"},

		{"list-images", get, "/images", viewer, reads, "Templates", "Pictures that messages may show, newest first"},
		{"upload-image", post, "/images", editor, writes, "Templates", "Keep a picture; its address is public and stays"},

		{"list-stores", get, "/stores", viewer, reads, "Settings", "All stores"},
		{"get-store", get, "/stores/{name}", viewer, reads, "Settings", "One store"},
		{"save-store", put, "/stores/{name}", editor, writes, "Settings", "Save a new version; segments by distance follow it"},
		{"delete-store", erase, "/stores/{name}", editor, writes, "Settings", "Delete a store that no segment names"},

		{"list-outbox", get, "/outbox", viewer, reads, "Messages", "What the development inboxes received"},
		{"get-outbox-message", get, "/outbox/{id}", viewer, reads, "Messages", "One received message"},
		{"list-line-coupons", get, "/line/coupons", viewer, reads, "Messages", "Coupons at LINE that are not closed"},
		{"create-line-coupon", post, "/line/coupons", approver, writes, "Messages", "Make a coupon at LINE, for messages of type coupon"},
		{"close-line-coupon", post, "/line/coupons/{id}/close", approver, writes, "Messages", "End a coupon for good"},
		{"create-line-audience", post, "/line/audiences", approver, writes, "Messages", "Hand the friends of a segment who agreed to advertising to LINE as an audience"},
		{"get-line-audience", get, "/line/audiences/{id}", viewer, reads, "Messages", "How an audience stands at LINE"},
		{"list-line-narrowcasts", get, "/line/narrowcasts", viewer, reads, "Messages", "Sends to audiences at LINE, newest first: how far each is, and what a stop can still do"},
		{"create-line-narrowcast", post, "/line/narrowcasts", approver, writes, "Messages", "Send a LINE template to an audience, the same words to everybody; LINE cannot take back what it has accepted"},
		{"get-line-narrowcast", get, "/line/narrowcasts/{id}", viewer, reads, "Messages", "One send to an audience"},
		{"cancel-line-narrowcast", post, "/line/narrowcasts/{id}/cancel", approver, writes, "Messages", "Take it back before LINE has it"},
		{"list-rich-menus", get, "/rich-menus", viewer, reads, "Messages", "Rich menus on LINE, and who sees them"},
		{"save-rich-menu", put, "/rich-menus/{name}", approver, writes, "Messages", "Save a new version; people see it within a minute"},
		{"delete-rich-menu", erase, "/rich-menus/{name}", approver, writes, "Messages", "Delete a rich menu"},
		{"list-replies", get, "/replies", viewer, reads, "Messages", "Keyword replies on LINE"},
		{"save-reply", put, "/replies/{name}", approver, writes, "Messages", "Save a new version"},
		{"delete-reply", erase, "/replies/{name}", approver, writes, "Messages", "Delete a reply"},
		{"try-reply", post, "/replies/try", viewer, asks, "Messages", "What would be answered to a text"},
		{"list-line-statistics", get, "/line/statistics", viewer, reads, "Messages", "What LINE says of its messages, by journey, template and month"},
		{"get-sending", get, "/sending", viewer, reads, "Messages", "What may leave, what waits and for what"},
		{"get-delivery-limits", get, "/delivery/limits", viewer, reads, "Messages", "How fast and how much may go to each receiver: presets, what stands now, what has gone today, the warm-up"},
		{"stop-sending", post, "/sending/stop", editor, writes, "Messages", "Emergency stop of everything, a channel, a destination, a journey or a prefecture; counts what it holds"},
		{"resume-sending", post, "/sending/resume", approver, writes, "Messages", "Lift a stop, or let a destination that is down try again; what waited longer than a minute is decided anew"},
		{"cancel-stopped", post, "/sending/cancel", approver, writes, "Messages", "Drop what a stop holds, and what still comes until it is lifted"},
		{"turn-sending-off", post, "/sending/off", editor, writes, "Messages", "Nothing leaves; everything waits"},
		{"turn-sending-on", post, "/sending/on", approver, writes, "Messages", "Let messages leave again"},
		{"list-deliveries", get, "/deliveries", viewer, reads, "Messages", "The sender's ledger"},
		{"take-mail", post, "/mail", editor, writes, "Messages", "Take in a bounce, a complaint or a reply, for the pipe of a mail server"},
		{"get-deliverability", get, "/deliverability", viewer, reads, "Messages", "What receiving systems made of our mail: accepted, put off, bounced, complained, by group of domains and day"},
		{"get-sender-checklist", get, "/senders/{name}/checklist", viewer, reads, "Messages", "What a mail sender owes: alignment and DNS records to set, as they stand now"},
		{"summarise-deliveries", get, "/deliveries/summary", viewer, reads, "Messages", "Deliveries by channel and outcome"},

		{"list-postal-accounts", get, "/postal/accounts", viewer, reads, "Post", "Ways of mailing: product, rhythm, print house, rules"},
		{"list-postal-batches", get, "/postal/batches", viewer, reads, "Post", "Batches of post, the newest cut-off first"},
		{"get-postal-batch", get, "/postal/batches/{id}", viewer, reads, "Post", "One batch: counts and reasons, products and prices, files, who did what"},
		{"move-postal-batch", post, "/postal/batches/{id}/move", editor, writes, "Post", "Cut off, prepare again, approve, reopen, export or cancel a batch; approve needs the account's role, export, reopen and cancel an approver"},
		{"list-postal-pieces", get, "/postal/batches/{id}/pieces", viewer, reads, "Post", "The pieces of a batch with their problems and fixes"},
		{"leave-postal-piece", post, "/postal/batches/{id}/pieces/{send}/leave", editor, writes, "Post", "Leave a piece out by hand, or take it in again"},
		{"get-postal-proof", get, "/postal/batches/{id}/pieces/{send}/proof", viewer, reads, "Post", "A piece as it will be printed"},
		{"proof-postal-content", post, "/postal/proof", viewer, asks, "Post", "Draw a layout that need not be saved"},
		{"get-postal-file", get, "/postal/batches/{id}/files/{name}", approver, reads, "Post", "A file for the print house; who took it is recorded"},
		{"get-postal-response", get, "/postal/batches/{id}/response", viewer, reads, "Post", "What a batch brought about: scans, coupons, orders, cost per response"},
		{"list-postal-returns", get, "/postal/returns", viewer, reads, "Post", "Pieces that came back, newest first"},
		{"take-postal-returns", post, "/postal/returns", editor, writes, "Post", "Take in pieces that came back, by their codes: no post goes to these addresses any more"},
		{"list-postal-provisions", get, "/postal/provisions", approver, reads, "Post", "Who was given which addresses, when and what for (委託)"},
		{"get-postal-quality", get, "/postal/quality", viewer, reads, "Post", "How many addresses have which problem"},
		{"check-postal-quality", post, "/postal/quality/check", editor, asks, "Post", "Look at everybody's address now"},
		{"list-postal-troubled", get, "/postal/quality/people", viewer, reads, "Post", "Whose address has a problem, with the fix"},
		{"import-postal-zip", put, "/postal/zip-table", editor, writes, "Post", "Take Japan Post's table of postal codes"},
		{"list-person-addresses", get, "/people/{id}/addresses", viewer, reads, "People", "Postal addresses of a person with where they are from and their problems; gifts apart"},
		{"correct-person-address", post, "/people/{id}/addresses", editor, writes, "People", "Correct a person's postal address, or confirm one that post came back from"},

		{"list-social-accounts", get, "/social/accounts", viewer, reads, "Settings", "Pages and Instagram accounts, and whether their tokens work"},
		{"list-line-accounts", get, "/line/accounts", viewer, reads, "LINE", "Official accounts: friends, who is linked, the month's quota, the last webhook, the last comparison"},
		{"sync-line-followers", post, "/line/accounts/{name}/sync", editor, writes, "LINE", "Compare friends with LINE's own list: unknown ones become known without starting a journey, those it no longer lists are not written to"},
		{"list-line-sources", get, "/line/sources", viewer, reads, "LINE", "Links and QR codes by which people become friends, with who came by each"},
		{"get-line-qr", get, "/line/sources/{name}/qr", viewer, reads, "LINE", "The QR code of a link, as SVG or PNG"},
		{"link-line", post, "/line/accounts/{name}/link", editor, secret, "LINE", "Begin to link a customer who is signed in at the shop with a LINE user, by LINE's dialogue or the LIFF app; or the page on which a LINE user can link and unlink"},
		{"unlink-line", post, "/line/accounts/{name}/unlink", editor, writes, "LINE", "Take back that a LINE user is a customer"},

		{"list-sources", get, "/sources", viewer, reads, "Sources", "Where events come from, and how each source is"},
		{"set-source-alarm", put, "/sources/alarm", approver, writes, "Sources", "When somebody hears of a silent source"},
		{"list-connections", get, "/connections", viewer, reads, "Sources", "Systems of the configuration that call us, or whose history is pulled"},
		{"get-connection", get, "/connections/{name}", viewer, reads, "Sources", "One of them: its address, what came, how far its history is pulled"},
		{"list-connection-calls", get, "/connections/{name}/calls", editor, reads, "Sources", "Its last calls with their bodies, kept for three days"},
		{"pull-connection", post, "/connections/{name}/pull", approver, writes, "Sources", "Pull its history; nothing is sent for it"},
		{"cancel-pull", erase, "/connections/{name}/pull", approver, writes, "Sources", "End the pull: what came stays"},
		{"try-mapping", post, "/mappings/try", editor, asks, "Sources", "What a mapping makes of a sample; keeps nothing"},
		{"list-event-types", get, "/event-types", viewer, reads, "Sources", "Types of events that came in"},
		{"get-event-type", get, "/event-types/{type}", viewer, reads, "Sources", "One type, its properties and what changed of them"},
		{"get-identity", get, "/identity", viewer, reads, "Identity", "How people are told apart: limits, blocked identifiers, and what looks wrong"},
		{"list-mistyped", get, "/identity/mistyped", viewer, reads, "Identity", "Mail domains that look mistyped, the one that was probably meant, and who has such an address"},
		{"list-duplicates", get, "/identity/duplicates", viewer, reads, "Identity", "People who may be one: one name and birthday, address or phone"},
		{"get-limit-effect", get, "/identity/limit", viewer, reads, "Identity", "What another limit would change"},
		{"set-identity-limit", put, "/identity/limit", admin, writes, "Identity", "How many identifiers of a kind one person may have"},
		{"block-identifier", post, "/identity/blocked", admin, writes, "Identity", "Say of an identifier that it is nobody's own, such as a store's tablet"},
		{"unblock-identifier", erase, "/identity/blocked/{id}", admin, writes, "Identity", "Take that back"},
		{"let-finding-stand", post, "/identity/fine", editor, writes, "Identity", "Keep a finding from being shown again"},

		{"watch-browser", get, "/sources/debug/{code}", editor, reads, "Sources", "What a browser with the code in its address sent to this replica"},
		{"list-dead-letters", get, "/dead", viewer, reads, "Dead letters", "What could not be taken"},
		{"get-dead-letter", get, "/dead/{id}", viewer, reads, "Dead letters", "One dead letter"},
		{"replay-dead-letter", post, "/dead/{id}/replay", editor, writes, "Dead letters", "Take it again, mended"},
		{"replay-dead-letters", post, "/dead/replay", editor, writes, "Dead letters", "Take several again as they are"},
		{"discard-dead-letter", post, "/dead/{id}/discard", editor, writes, "Dead letters", "Mark as not to be mended"},

		{"list-imports", get, "/imports", viewer, reads, "Imports", "Files that were taken in, the newest first"},
		{"begin-import-file", post, "/imports", editor, writes, "Imports", "Announce a file; its bytes come in parts"},
		{"upload-import", post, "/imports/{id}/part", editor, asks, "Imports", "A part of the file; one that came already is no matter"},
		{"get-import", get, "/imports/{id}", viewer, reads, "Imports", "An import as it stands: counts, progress, problems"},
		{"preview-import", post, "/imports/{id}/preview", editor, asks, "Imports", "The first rows, what they become, and which known formats the columns look like"},
		{"start-import", post, "/imports/{id}/start", editor, writes, "Imports", "Check the whole file, or take it in; answers at once"},
		{"cancel-import", post, "/imports/{id}/cancel", editor, writes, "Imports", "End an import; what came in stays"},
		{"delete-import", erase, "/imports/{id}", editor, writes, "Imports", "Forget an import and its file; what came in stays"},
		{"get-import-rejects", get, "/imports/{id}/rejects", editor, reads, "Imports", "The rows that did not come, to mend"},
		{"list-import-formats", get, "/import-formats", viewer, reads, "Imports", "Mappings of the workspace, and formats that Enishi knows"},
		{"list-file-pulls", get, "/file-pulls", viewer, reads, "Imports", "Files that come by themselves, with what the last look found, and the places they can come from"},
		{"get-file-pull", get, "/file-pulls/{name}", viewer, reads, "Imports", "One of them with the files that came"},
		{"save-file-pull", put, "/file-pulls/{name}", editor, writes, "Imports", "Save a new version; it is looked at once at that"},
		{"delete-file-pull", erase, "/file-pulls/{name}", editor, writes, "Imports", "Delete it; what came in stays"},
		{"pause-file-pull", post, "/file-pulls/{name}/pause", editor, writes, "Imports", "Let it stand still, or go on"},
		{"run-file-pull", post, "/file-pulls/{name}/run", editor, writes, "Imports", "Look now, also at files that were refused; answers at once"},
		{"try-file-pull", post, "/file-pulls/try", editor, asks, "Imports", "What a look would find, or what a file would become; takes nothing"},
		{"delete-mapping", erase, "/mappings/{name}", editor, writes, "Imports", "Delete a mapping that no import is reading by"},

		{"report-revenue", get, "/reports/revenue", viewer, reads, "Reports", "Orders and revenue over time"},
		{"report-funnel", get, "/reports/funnel", viewer, reads, "Reports", "Viewed, carted, ordered, delivered, reviewed"},
		{"report-journeys", get, "/reports/journeys", viewer, reads, "Reports", "What journeys did"},
		{"report-messages", get, "/reports/messages", viewer, reads, "Reports", "What became of messages"},

		{"list-streams", get, "/streams", viewer, reads, "Data out", "The streams of changes to other systems, and how each stands"},
		{"get-stream-language", get, "/streams/language", viewer, reads, "Data out", "What a stream may be made of"},
		{"get-stream", get, "/streams/{name}", viewer, reads, "Data out", "One stream: how far it is, what waits, why it stands"},
		{"save-stream", put, "/streams/{name}", approver, writes, "Data out", "Save a new version"},
		{"delete-stream", erase, "/streams/{name}", approver, writes, "Data out", "Delete a stream: nothing more goes out by it"},
		{"pause-stream", post, "/streams/{name}/pause", editor, writes, "Data out", "Let it stand still; nothing is lost"},
		{"resume-stream", post, "/streams/{name}/resume", approver, writes, "Data out", "Let it go on where it stood"},
		{"replay-stream", post, "/streams/{name}/replay", approver, writes, "Data out", "Send changes from an instant on again, with the ids that they had"},
		{"test-stream", post, "/streams/{name}/test", editor, asks, "Data out", "Send a made-up change and tell what was answered"},
		{"get-stream-keys", get, "/streams/{name}/keys", approver, reads, "Data out", "The keys by which its receiver checks the signature"},

		{"list-definitions", get, "/definitions", viewer, reads, "Settings", "Every version of a definition, or the newest of each of a kind: who, when, why"},
		{"get-definition", get, "/definitions/{kind}/{name}", viewer, reads, "Settings", "One version of a definition, as it was saved"},
		{"save-definition", put, "/definitions/{kind}/{name}", editor, writes, "Settings", "Save a definition of any kind but key, as a file has it"},
		{"get-setting", get, "/settings/{name}", viewer, reads, "Settings", "One setting"},
		{"save-setting", put, "/settings/{name}", approver, writes, "Settings", "Save a new version"},
		{"get-outlook", post, "/settings/journeys/outlook", viewer, asks, "Settings", "What the setting journeys, as it is being written, means for the next 14 days"},
		{"get-tag", get, "/tag", viewer, reads, "Settings", "The browser SDK: paths and integrity for a shop's pages"},
		{"list-keys", get, "/keys", admin, reads, "Settings", "Tokens and write keys, without their secrets"},
		{"create-key", post, "/keys", admin, secret, "Settings", "Make a token; it is shown once"},
		{"delete-key", erase, "/keys/{id}", admin, writes, "Settings", "Revoke a token"},

		{"get-status", get, "/status", viewer, reads, "Operation", "Counts and lags"},
		{"get-clock", get, "/clock", viewer, reads, "Operation", "The workspace's clock"},
		{"set-clock", post, "/clock", admin, writes, "Operation", "Make the clock virtual, move it on, or let it run"},
		{"list-moves", get, "/moves", viewer, reads, "Operation", "Moves in from other tools"},
		{"create-move", post, "/moves", admin, writes, "Operation", "Begin a move in from Klaviyo, KARTE, Mailchimp or Salesforce"},
		{"get-move", get, "/moves/{id}", viewer, reads, "Operation", "One move: its files as they would be taken, how far it is, what came and what did not, and what can go when sending is turned on"},
		{"change-move", put, "/moves/{id}", admin, writes, "Operation", "Say what its files are, and whether the old tool has suppressions"},
		{"delete-move", erase, "/moves/{id}", admin, writes, "Operation", "End it while it runs; forget it and its files afterwards"},
		{"bring-move-file", post, "/moves/{id}/files", admin, writes, "Operation", "Bring a piece of one of its files"},
		{"start-move", post, "/moves/{id}/start", admin, writes, "Operation", "Turn sending off and take its files in, refusals first"},
		{"get-move-report", get, "/moves/{id}/report", viewer, reads, "Operation", "What came and what did not, as CSV"},
		{"get-move-refused", get, "/moves/{id}/refused", admin, reads, "Operation", "The rows of a file that did not come, with what to mend, as CSV"},
		{"begin-import", post, "/import/begin", admin, writes, "Operation", "Ask whether an import may begin"},
		{"import-records", post, "/import/records", admin, writes, "Operation", "Append a slice of an import to the source topics"},
		{"clear-demo", post, "/demo/clear", admin, writes, "Operation", "Clear the demo shop and start empty"},
	}
}
