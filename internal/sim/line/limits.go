package line

import "time"

// Limits holds every documented limit the simulator enforces. Each value is
// used as it stands (zero means zero), so a changed set starts from
// Documented(). Lengths are UTF-16 code units, sizes are bytes of JSON as
// sent.
type Limits struct {
	// Requests.
	BodyBytes          int // a whole request body
	Messages           int // message objects in one request
	Recipients         int // user ids in one multicast
	PushPerSecond      int
	MulticastPerSecond int
	OtherPerSecond     int // every other endpoint, each by itself

	// Tokens and keys.
	RetryKeyFor            time.Duration // memory of a retry key, from its first use
	ReplyWithin            time.Duration // a reply token, from each (re)delivery
	ReplyAfterEvent        time.Duration // a reply token, from the event itself
	LinkTokenFor           time.Duration
	IDTokenFor             time.Duration
	NonFriendFor           time.Duration // pushes to a non-friend after his last message
	WebhookAnswer          time.Duration // time the receiver has to answer a webhook
	LinkNonceMin           int
	LinkNonceMax           int
	AggregationUnits       int // in one request
	UnitName               int // length of a unit's name
	UnitsPerMonth          int // distinct names; further ones are sent unassigned
	FollowersPage          int // user ids in one page
	RichMenusPerHour       int // made, and deleted, each
	RichMenuBatchesPerHour int
	RichMenus              int // of an account
	RichMenuName           int
	RichMenuBar            int // text of the bar
	RichMenuAreas          int
	RichMenuImage          int // bytes
	RichMenuUsers          int // linked by one call
	CouponTitle            int
	CouponDescription      int
	AudiencesPerMinute     int // each function by itself
	Audiences              int // of an account
	AudienceName           int
	AudienceUsers          int // in one call by JSON
	AudienceFile           int // lines
	AudiencesPage          int // in one answer of the list
	AudienceKept           time.Duration
	NarrowcastsPerHour     int
	NarrowcastAudiences    int           // audiences and redeliveries
	NarrowcastLeast        int           // people of the audience, and who are left in the end
	NarrowcastKept         time.Duration // its progress
	DeliveryTagMin         int           // of a notification message
	DeliveryTagMax         int
	NoticeHeld             time.Duration // one whose number is not confirmed; after that it is never delivered
	InsightPerHour         int           // each kind of statistics by itself
	InsightLeast           int           // fewer people than this are answered as null
	InsightDays            int           // from the first day of a question to its last

	// Message objects.
	Text              int
	TextEmojis        int
	Substitutions     int // keys in textV2
	SubstitutionKey   int
	SubstitutedEmojis int
	Mentions          int
	MediaURL          int
	TrackingID        int
	LocationText      int // title and address each
	AltText           int
	DeliveryTag       int // of a coupon message
	QuickReplies      int
	SenderName        int
	ImagemapWidth     int // the one allowed width
	ImagemapActions   int
	ImagemapText      int
	ImagemapLabel     int
	ImagemapLinkLabel int

	// Templates.
	Title              int
	ButtonsText        int // without image and title
	ButtonsTextShort   int // with image or title
	ButtonsActions     int
	ConfirmText        int
	ConfirmActions     int // exactly
	Columns            int // carousel and image carousel
	ColumnText         int // without image and title
	ColumnTextShort    int
	ColumnActions      int
	ActionLabel        int // templates, quick replies
	ImageCarouselLabel int
	FlexLabel          int

	// Actions.
	ActionURI     int
	PostbackData  int
	ActionText    int // message text, displayText, fillInText
	ClipboardText int

	// Flex.
	BubbleBytes    int
	CarouselBytes  int
	Bubbles        int
	AnimatedImages int // in one message
}

// Documented returns the limits of the public reference of the Messaging API.
func Documented() Limits {
	return Limits{
		BodyBytes: 2 << 20, Messages: 5, Recipients: 500,
		PushPerSecond: 2000, MulticastPerSecond: 200, OtherPerSecond: 2000,

		RetryKeyFor: 24 * time.Hour, ReplyWithin: time.Minute, ReplyAfterEvent: 20 * time.Minute,
		LinkTokenFor: 10 * time.Minute, IDTokenFor: time.Hour, NonFriendFor: 7 * 24 * time.Hour, WebhookAnswer: 2 * time.Second,
		LinkNonceMin: 10, LinkNonceMax: 255,
		AggregationUnits: 1, UnitName: 30, UnitsPerMonth: 1000, FollowersPage: 1000,
		RichMenusPerHour: 100, RichMenuBatchesPerHour: 3, RichMenus: 1000, RichMenuName: 300, RichMenuBar: 14, RichMenuAreas: 20, RichMenuImage: 1 << 20, RichMenuUsers: 500,
		CouponTitle: 60, CouponDescription: 1000,
		AudiencesPerMinute: 60, Audiences: 1000, AudienceName: 120, AudienceUsers: 10_000, AudienceFile: 1_500_000, AudiencesPage: 40, AudienceKept: 180 * 24 * time.Hour,
		NarrowcastsPerHour: 60, NarrowcastAudiences: 10, NarrowcastLeast: 50, NarrowcastKept: 14 * 24 * time.Hour,
		DeliveryTagMin: 16, DeliveryTagMax: 100, NoticeHeld: 24 * time.Hour,
		InsightPerHour: 60, InsightLeast: 20, InsightDays: 30,

		Text: 5000, TextEmojis: 20, Substitutions: 100, SubstitutionKey: 20, SubstitutedEmojis: 20, Mentions: 20,
		MediaURL: 2000, TrackingID: 100, LocationText: 100, AltText: 1500, DeliveryTag: 30,
		QuickReplies: 13, SenderName: 20,
		ImagemapWidth: 1040, ImagemapActions: 50, ImagemapText: 400, ImagemapLabel: 100, ImagemapLinkLabel: 30,

		Title: 40, ButtonsText: 160, ButtonsTextShort: 60, ButtonsActions: 4,
		ConfirmText: 240, ConfirmActions: 2,
		Columns: 10, ColumnText: 120, ColumnTextShort: 60, ColumnActions: 3,
		ActionLabel: 20, ImageCarouselLabel: 12, FlexLabel: 40,

		ActionURI: 1000, PostbackData: 300, ActionText: 300, ClipboardText: 1000,

		BubbleBytes: 30 << 10, CarouselBytes: 50 << 10, Bubbles: 12, AnimatedImages: 10,
	}
}
