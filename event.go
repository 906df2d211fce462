package enishi

import "time"

// EventVersion is the version of the public JSON and the first byte of an encoded event.
const EventVersion = 1

// Event is one fact, or one control record of the fold.
//
// As JSON it is the public form of the topics orders, shipments, web and store; ingest fills the fields without a JSON
// name, and what it appends to the topic events is the binary form under the profile id as key. Personal values stand in
// Person, in ShipTo and in free text only.
type Event struct {
	Version int       `json:"v,omitempty"`                   // EventVersion when absent
	ID      ID        `json:"-" wire:"1"`                    // of MessageID, or UUIDv5(topic, partition, offset)
	Message string    `json:"id,omitempty"`                  // the producer's own id, any text up to 200 bytes; makes repeats harmless
	Type    string    `json:"type" wire:"2"`                 // one of Types, or custom.NAME
	Subject ID        `json:"-" wire:"3"`                    // the strongest identifier it came with
	Profile ID        `json:"profile,omitempty"`             // whom it is addressed to: the Kafka key, set when read
	At      time.Time `json:"occurred_at,omitzero" wire:"4"` // when it happened; ingest clamps the future to the record's time

	Historical bool     `json:"historical,omitempty" wire:"5"` // changes facts and memberships, starts and sends nothing
	Import     *Import  `json:"-" wire:"6"`                    // row of an imported file
	Forwarded  bool     `json:"-" wire:"7"`                    // re-emitted by a redirect
	Routed     int64    `json:"-" wire:"39"`                   // links before this offset of the identities were known when Profile was set
	Source     string   `json:"source,omitempty" wire:"8"`     // name of the source or write key
	Channel    string   `json:"channel,omitempty" wire:"9"`    // one of Channels: the touchpoint
	Person     *Person  `json:"person,omitempty" wire:"10"`
	Context    *Context `json:"context,omitempty" wire:"11"`
	Links      []ID     `json:"-" wire:"12"` // the hashes of all identifiers in Person, strongest first

	Order        *Order           `json:"order,omitempty" wire:"20"`
	Shipment     *Shipment        `json:"shipment,omitempty" wire:"21"`
	Return       *Return          `json:"return,omitempty" wire:"22"`
	Web          *Web             `json:"web,omitempty" wire:"23"`
	Store        *StoreVisit      `json:"store,omitempty" wire:"24"`
	Contact      *Contact         `json:"contact,omitempty" wire:"25"`
	Consent      []ConsentChange  `json:"consent,omitempty" wire:"26"`
	Survey       *Survey          `json:"survey,omitempty" wire:"27"`
	Review       *Review          `json:"review,omitempty" wire:"28"`
	Referral     *Referral        `json:"referral,omitempty" wire:"29"`
	Coupon       *Coupon          `json:"coupon,omitempty" wire:"30"`
	Points       *Points          `json:"points,omitempty" wire:"31"`
	Risk         *Risk            `json:"risk,omitempty" wire:"32"`
	Hold         *Hold            `json:"hold,omitempty" wire:"33"`
	Result       *MessageResult   `json:"message,omitempty" wire:"34"`
	Control      *Control         `json:"control,omitempty" wire:"35"`
	Subscription *Subscription    `json:"subscription,omitempty" wire:"37"`
	List         *ListChange      `json:"list,omitempty" wire:"38"`
	Note         *Note            `json:"note,omitempty" wire:"70"`
	Properties   map[string]Value `json:"properties,omitempty" wire:"36"` // what no typed field takes; of custom events all

	// Where the record stands; set when read from the topic events, never encoded.
	Partition int       `json:"-"`
	Offset    int64     `json:"-"`
	Time      time.Time `json:"-"` // the record's time: when it was appended
}

// Import marks an imported row: (file hash, row) makes a second import of the same file harmless.
type Import struct {
	File uint64 `wire:"1"`
	Row  uint64 `wire:"2"` // 1-based
}

// Person carries the identifiers and traits that came with an event. Any of them may be empty.
type Person struct {
	CustomerID   string           `json:"customer_id,omitempty" wire:"1"`
	POSCard      string           `json:"pos_card,omitempty" wire:"2"`
	LineUserID   string           `json:"line_user_id,omitempty" wire:"3"`
	LineProvider string           `json:"line_provider,omitempty" wire:"4"` // the workspace's own when empty
	Email        string           `json:"email,omitempty" wire:"5"`
	Phone        string           `json:"phone,omitempty" wire:"6"`
	SocialID     string           `json:"social_id,omitempty" wire:"7"`
	SocialPage   string           `json:"social_page,omitempty" wire:"8"`
	PushToken    string           `json:"push_token,omitempty" wire:"9"`
	AnonymousID  string           `json:"anonymous_id,omitempty" wire:"10"`
	Traits       map[string]Value `json:"traits,omitempty" wire:"11"` // see TraitNames for the reserved ones
}

// TraitNames are the reserved traits; any other name may be used too.
var TraitNames = [...]string{"family_name", "given_name", "family_name_kana", "given_name_kana", "name", "gender", "birthday",
	"prefecture", "postal_code", "city", "address1", "address2", "language", "timezone", "member_rank", "main_store_id", "signed_up_at", "lat", "lon"}

// FrequencyTrait holds how often a person wants advertising mail, as chosen in the preference centre: weekly, monthly, or usual.
const FrequencyTrait = "mail_frequency"

// Context is where a web or app event came from.
type Context struct {
	UTMSource   string `json:"utm_source,omitempty" wire:"1"`
	UTMMedium   string `json:"utm_medium,omitempty" wire:"2"`
	UTMCampaign string `json:"utm_campaign,omitempty" wire:"3"`
	UTMContent  string `json:"utm_content,omitempty" wire:"4"`
	UTMTerm     string `json:"utm_term,omitempty" wire:"5"`
	Referrer    string `json:"referrer,omitempty" wire:"6"`
	URL         string `json:"url,omitempty" wire:"7"`
	Path        string `json:"path,omitempty" wire:"8"`
	Title       string `json:"title,omitempty" wire:"9"`
	UserAgent   string `json:"user_agent,omitempty" wire:"10"`
	Locale      string `json:"locale,omitempty" wire:"11"`
	SessionID   string `json:"session_id,omitempty" wire:"12"`
	ClickIDs    string `json:"click_ids,omitempty" wire:"13"` // of advertisements, as an address has them: gclid=X&yclid=Y
	Bot         bool   `json:"bot,omitempty" wire:"14"`       // an automatic browser: it said so, or its name does
}

// Order is a sales order. An event carries what its producer knows; of two events for one order the one with the higher
// Version gives the contents, and each milestone (placed, paid, ...) is kept by itself.
type Order struct {
	OrderID        string    `json:"order_id" wire:"1"`
	Version        int64     `json:"version,omitempty" wire:"2"`  // source version, e.g. updated_at in ms; the event's time when absent
	Currency       string    `json:"currency,omitempty" wire:"3"` // ISO 4217; JPY when absent
	Lines          []Line    `json:"lines,omitempty" wire:"4"`
	Subtotal       Amount    `json:"subtotal,omitzero" wire:"5"` // lines before order-level discounts, tax included
	Discount       Amount    `json:"discount,omitzero" wire:"6"` // order-level, without the coupon
	Coupon         string    `json:"coupon,omitempty" wire:"7"`  // coupon code
	CouponAmount   Amount    `json:"coupon_amount,omitzero" wire:"8"`
	PointsUsed     Amount    `json:"points_used,omitzero" wire:"9"`
	ShippingFee    Amount    `json:"shipping_fee,omitzero" wire:"10"`
	CODFee         Amount    `json:"cod_fee,omitzero" wire:"11"` // 代引手数料
	Taxes          []Tax     `json:"taxes,omitempty" wire:"12"`
	Total          Amount    `json:"total,omitzero" wire:"13"`           // what the customer pays, tax, shipping and fees included
	PaymentMethod  string    `json:"payment_method,omitempty" wire:"14"` // card, konbini, bank_transfer, pay_later, cod, paypay, amazon_pay, other
	PaymentDueAt   time.Time `json:"payment_due_at,omitzero" wire:"15"`
	StoreID        string    `json:"store_id,omitempty" wire:"16"`
	StaffID        string    `json:"staff_id,omitempty" wire:"17"`
	SubscriptionID string    `json:"subscription_id,omitempty" wire:"18"` // the contract this order came from
	Automatic      bool      `json:"automatic,omitempty" wire:"19"`       // placed by a subscription, not by a person's act
	Fulfilment     string    `json:"fulfilment_type,omitempty" wire:"20"` // ship, bopis, curbside, locker, konbini_pickup, store, digital
	Marketplace    string    `json:"marketplace,omitempty" wire:"21"`     // rakuten, amazon, yahoo ...: no own marketing
	ShipTo         *Address  `json:"ship_to,omitempty" wire:"22"`
	Refunded       Amount    `json:"refunded,omitzero" wire:"23"` // on order.refunded: the sum refunded so far
	Reason         string    `json:"reason,omitempty" wire:"24"`  // of a cancellation, refund or failed payment
	CartID         string    `json:"cart_id,omitempty" wire:"25"`
	PlacedAt       time.Time `json:"placed_at,omitzero" wire:"26"`     // when an event other than order.placed tells it
	Number         string    `json:"order_number,omitempty" wire:"27"` // that people see, where order_id is another: #1001
}

// Line is one line of an order, cart or receipt.
type Line struct {
	ProductID string `json:"product_id" wire:"1"`
	SKU       string `json:"sku,omitempty" wire:"2"`
	Name      string `json:"name,omitempty" wire:"3"`
	Brand     string `json:"brand,omitempty" wire:"4"`
	Category  string `json:"category,omitempty" wire:"5"`
	Variant   string `json:"variant,omitempty" wire:"6"`
	Quantity  int    `json:"quantity,omitempty" wire:"7"`  // 1 when absent
	Price     Amount `json:"price,omitzero" wire:"8"`      // unit price, tax included
	Discount  Amount `json:"discount,omitzero" wire:"9"`   // of the whole line
	TaxRate   int    `json:"tax_rate,omitempty" wire:"10"` // percent: 8 or 10 in Japan
	JAN       string `json:"jan,omitempty" wire:"11"`
}

// Tax is the tax of one rate contained in an order's total.
type Tax struct {
	Rate   int    `json:"rate" wire:"1"` // percent
	Amount Amount `json:"amount" wire:"2"`
}

// Address is where a parcel goes. It never becomes an identifier or a trait of the person who ordered.
type Address struct {
	Name       string `json:"name,omitempty" wire:"1"`
	Kana       string `json:"kana,omitempty" wire:"2"`
	Phone      string `json:"phone,omitempty" wire:"3"`
	PostalCode string `json:"postal_code,omitempty" wire:"4"`
	Prefecture string `json:"prefecture,omitempty" wire:"5"`
	City       string `json:"city,omitempty" wire:"6"`
	Address1   string `json:"address1,omitempty" wire:"7"`
	Address2   string `json:"address2,omitempty" wire:"8"`
	IsGift     bool   `json:"is_gift,omitempty" wire:"9"`
	Company    string `json:"company,omitempty" wire:"10"`
	Department string `json:"department,omitempty" wire:"11"`
	JobTitle   string `json:"job_title,omitempty" wire:"12"`
	Honorific  string `json:"honorific,omitempty" wire:"13"` // 様, 御中, ...; 様 for a person, 御中 for a company when absent
	Country    string `json:"country,omitempty" wire:"14"`   // ISO 3166 alpha-2 (JP); Japan when absent
}

// Shipment is one parcel of an order; an order has 1..n.
type Shipment struct {
	ShipmentID  string         `json:"shipment_id" wire:"1"`
	OrderID     string         `json:"order_id" wire:"2"`
	Version     int64          `json:"version,omitempty" wire:"3"` // as Order.Version
	Number      int            `json:"number,omitempty" wire:"4"`  // n of Of
	Of          int            `json:"of,omitempty" wire:"5"`      // parcels of the order; 0 = not known (taken as 1)
	Lines       []ShipmentLine `json:"lines,omitempty" wire:"6"`
	Carrier     string         `json:"carrier,omitempty" wire:"7"` // yamato, sagawa, japanpost, ...
	Tracking    string         `json:"tracking,omitempty" wire:"8"`
	EstimatedAt time.Time      `json:"estimated_delivery_at,omitzero" wire:"9"`
	Untracked   bool           `json:"untracked,omitempty" wire:"10"` // never reports delivery (定形外)
	StoreID     string         `json:"store_id,omitempty" wire:"11"`  // shipped from, or to be picked up at
	Reason      string         `json:"reason,omitempty" wire:"12"`
	HoldUntil   time.Time      `json:"hold_until,omitzero" wire:"13"` // 保管期限
}

// ShipmentLine is what of the order is in the parcel.
type ShipmentLine struct {
	ProductID string `json:"product_id" wire:"1"`
	Quantity  int    `json:"quantity,omitempty" wire:"2"`
}

// Return is a return or an exchange.
type Return struct {
	ReturnID string `json:"return_id" wire:"1"`
	OrderID  string `json:"order_id" wire:"2"`
	Version  int64  `json:"version,omitempty" wire:"3"`
	Lines    []Line `json:"lines,omitempty" wire:"4"`
	Amount   Amount `json:"amount,omitzero" wire:"5"`
	Reason   string `json:"reason,omitempty" wire:"6"`
	StoreID  string `json:"store_id,omitempty" wire:"7"` // returned in a store (BORIS)
}

// Web is what happened on a site or in an app.
type Web struct {
	Product     *Product `json:"product,omitempty" wire:"1"`
	ListID      string   `json:"list_id,omitempty" wire:"2"`
	Category    string   `json:"category,omitempty" wire:"3"`
	Query       string   `json:"query,omitempty" wire:"4"`
	Results     int      `json:"results,omitempty" wire:"5"` // hits of a search
	CartID      string   `json:"cart_id,omitempty" wire:"6"`
	CheckoutID  string   `json:"checkout_id,omitempty" wire:"7"`
	Step        int      `json:"step,omitempty" wire:"8"`
	Value       Amount   `json:"value,omitzero" wire:"9"` // of the cart or checkout
	Currency    string   `json:"currency,omitempty" wire:"10"`
	Lines       []Line   `json:"lines,omitempty" wire:"11"` // the cart as it now stands
	URL         string   `json:"url,omitempty" wire:"12"`   // where the person can go on (cart recovery link)
	TargetPrice Amount   `json:"target_price,omitzero" wire:"13"`
	Form        string   `json:"form,omitempty" wire:"14"`
}

// Product is a product as seen on a page.
type Product struct {
	ProductID string `json:"product_id" wire:"1"`
	SKU       string `json:"sku,omitempty" wire:"2"`
	Name      string `json:"name,omitempty" wire:"3"`
	Brand     string `json:"brand,omitempty" wire:"4"`
	Category  string `json:"category,omitempty" wire:"5"`
	Variant   string `json:"variant,omitempty" wire:"6"`
	Price     Amount `json:"price,omitzero" wire:"7"`
	Currency  string `json:"currency,omitempty" wire:"8"`
	Quantity  int    `json:"quantity,omitempty" wire:"9"`
	ImageURL  string `json:"image_url,omitempty" wire:"10"`
	URL       string `json:"url,omitempty" wire:"11"`
}

// StoreVisit is a visit, purchase, return or event in a physical store. A purchase at the till also carries an Order
// whose OrderID is "store:register:business date:receipt".
type StoreVisit struct {
	StoreID      string `json:"store_id" wire:"1"`
	StoreType    string `json:"store_type,omitempty" wire:"2"` // regular, flagship, popup, showroom
	Register     string `json:"register,omitempty" wire:"3"`
	Receipt      string `json:"receipt,omitempty" wire:"4"`
	BusinessDate string `json:"business_date,omitempty" wire:"5"` // 2006-01-02 in the shop's zone
	StaffID      string `json:"staff_id,omitempty" wire:"6"`
	EventID      string `json:"event_id,omitempty" wire:"7"` // of a store event attended
	EventName    string `json:"event_name,omitempty" wire:"8"`
}

// Contact is a conversation with the shop's service.
type Contact struct {
	ContactID string `json:"contact_id" wire:"1"`
	Channel   string `json:"channel,omitempty" wire:"2"` // email, phone, chat, line, store, social
	Topic     string `json:"topic,omitempty" wire:"3"`
	OrderID   string `json:"order_id,omitempty" wire:"4"`
	ProductID string `json:"product_id,omitempty" wire:"5"`
	Text      string `json:"text,omitempty" wire:"6"`
	Complaint bool   `json:"complaint,omitempty" wire:"7"`
	StaffID   string `json:"staff_id,omitempty" wire:"8"`
}

// ConsentChange is a given or withdrawn permission, with the evidence that 特定電子メール法 3条2項 and 個人情報保護法 ask for.
type ConsentChange struct {
	Channel string `json:"channel" wire:"1"`           // email, line, sms, push, postal, social, ads
	Purpose string `json:"purpose,omitempty" wire:"2"` // marketing (default), marketing:TOPIC or transactional
	State   string `json:"state" wire:"3"`             // in, out; asked: nothing is given yet (consent.requested)
	Method  string `json:"method,omitempty" wire:"4"`  // how: checkout, form:NAME, line_follow, unsubscribe_link, import ...
	Text    string `json:"text,omitempty" wire:"5"`    // the words shown, or their hash
	IP      string `json:"ip,omitempty" wire:"6"`
	Actor   string `json:"actor,omitempty" wire:"7"` // staff member who recorded it
}

// Survey is an answered questionnaire.
type Survey struct {
	SurveyID string   `json:"survey_id" wire:"1"`
	Kind     string   `json:"kind,omitempty" wire:"2"` // nps, csat, quiz, other
	Score    int      `json:"score,omitempty" wire:"3"`
	OrderID  string   `json:"order_id,omitempty" wire:"4"`
	Answers  []Answer `json:"answers,omitempty" wire:"5"`
}

// Answer is one answer of a survey.
type Answer struct {
	Question string `json:"question" wire:"1"`
	Answer   string `json:"answer" wire:"2"`
}

// Review is a written review; (ReviewID, OrderID) is its key.
type Review struct {
	ReviewID  string `json:"review_id" wire:"1"`
	OrderID   string `json:"order_id,omitempty" wire:"2"`
	ProductID string `json:"product_id,omitempty" wire:"3"`
	Version   int64  `json:"version,omitempty" wire:"4"`
	Rating    int    `json:"rating,omitempty" wire:"5"` // 1-5
	Title     string `json:"title,omitempty" wire:"6"`
	Text      string `json:"text,omitempty" wire:"7"`
}

// Referral is a shared or converted invitation.
type Referral struct {
	Code    string `json:"code" wire:"1"`
	OrderID string `json:"order_id,omitempty" wire:"2"`
	URL     string `json:"url,omitempty" wire:"3"`
}

// Coupon is an issued or used coupon.
type Coupon struct {
	Code      string    `json:"code" wire:"1"`
	Campaign  string    `json:"campaign,omitempty" wire:"2"`
	Amount    Amount    `json:"amount,omitzero" wire:"3"`
	OrderID   string    `json:"order_id,omitempty" wire:"4"`
	ExpiresAt time.Time `json:"expires_at,omitzero" wire:"5"`
}

// Points is a movement of loyalty points.
type Points struct {
	Amount    int64     `json:"amount" wire:"1"`   // of adjusted: signed; of the others: positive
	Balance   *int64    `json:"balance,omitempty"` // as the shop system knows it; not folded
	Reason    string    `json:"reason,omitempty" wire:"3"`
	OrderID   string    `json:"order_id,omitempty" wire:"4"`
	ExpiresAt time.Time `json:"expires_at,omitzero" wire:"5"`
}

// Subscription is a contract for goods that come again and again (定期購入). Its orders name it by their subscription_id.
type Subscription struct {
	SubscriptionID string    `json:"subscription_id" wire:"1"`
	Version        int64     `json:"version,omitempty" wire:"2"`    // as Order.Version
	ProductID      string    `json:"product_id,omitempty" wire:"3"` // of several the one that it is about
	Name           string    `json:"name,omitempty" wire:"4"`       // of the product or the course
	Category       string    `json:"category,omitempty" wire:"5"`
	Quantity       int       `json:"quantity,omitempty" wire:"6"`   // a delivery
	CycleDays      int       `json:"cycle_days,omitempty" wire:"7"` // days from one delivery to the next; 30 for once a month
	Amount         Amount    `json:"amount,omitzero" wire:"8"`      // of one delivery, tax included
	Currency       string    `json:"currency,omitempty" wire:"9"`
	NextAt         time.Time `json:"next_at,omitzero" wire:"10"`     // when the next order will be made
	Deliveries     int       `json:"deliveries,omitempty" wire:"11"` // orders that were made so far
	Reason         string    `json:"reason,omitempty" wire:"12"`     // of a pause, a skip, a cancellation or a failed payment
	StartedAt      time.Time `json:"started_at,omitzero" wire:"13"`  // when an event other than subscription.started tells it
}

// Risk marks a person or an order, e.g. reseller, refused_parcel, chargeback.
type Risk struct {
	Flag    string `json:"flag" wire:"1"`
	Set     bool   `json:"set" wire:"2"`
	OrderID string `json:"order_id,omitempty" wire:"3"`
	Reason  string `json:"reason,omitempty" wire:"4"`
}

// ListChange puts a person on a static list of the workspace, or takes them off.
type ListChange struct {
	List   string `json:"list" wire:"1"`             // internal name
	Reason string `json:"reason,omitempty" wire:"2"` // why, or by which filling
}

// Hold stops marketing to a person until a date: an open complaint, a return in progress, mourning.
type Hold struct {
	Reason string    `json:"reason" wire:"1"`
	Until  time.Time `json:"until,omitzero" wire:"2"` // zero: until released
	Actor  string    `json:"actor,omitempty" wire:"3"`
}

// Note is what a member of the staff noted about a person, for the staff.
type Note struct {
	NoteID string `json:"note_id" wire:"1"` // the shop's; a later note.written of the same id replaces the text
	Text   string `json:"text,omitempty" wire:"2"`
	Actor  string `json:"actor,omitempty" wire:"3"`
	Reason string `json:"reason,omitempty" wire:"4"` // of a change or a removal
}

// MessageResult is what became of a message, told by its sender or by the provider.
type MessageResult struct {
	SendID      ID        `json:"send_id" wire:"1"`
	Round       int       `json:"round,omitempty" wire:"2"`
	Channel     string    `json:"channel,omitempty" wire:"3"`
	Destination string    `json:"destination,omitempty" wire:"4"`
	Journey     string    `json:"journey,omitempty" wire:"5"`
	Node        string    `json:"node,omitempty" wire:"6"`
	Template    string    `json:"template,omitempty" wire:"7"`
	Purpose     string    `json:"purpose,omitempty" wire:"8"`
	Reason      string    `json:"reason,omitempty" wire:"9"`   // of refused and bounced: quota, rate, expired, suppressed, hard, soft, ...
	Code        string    `json:"code,omitempty" wire:"10"`    // the provider's own code
	Until       time.Time `json:"until,omitzero" wire:"11"`    // of deferred
	URL         string    `json:"url,omitempty" wire:"12"`     // of clicked
	Machine     bool      `json:"machine,omitempty" wire:"13"` // opened or clicked by a scanner or a proxy
	To          string    `json:"to,omitempty" wire:"14"`
	RunID       ID        `json:"run_id,omitzero" wire:"15"`
	ProviderID  string    `json:"provider_id,omitempty" wire:"16"` // Message-ID or X-Line-Request-Id
	Variant     string    `json:"variant,omitempty" wire:"17"`     // of the texts that are compared: a, b, ...; empty: there was one
}

// Control is the payload of control records; each type uses the fields that its constant names.
type Control struct {
	Offset    int64     `json:"offset,omitempty" wire:"1"` // of the definition or link record it derives from
	Loser     ID        `json:"loser,omitzero" wire:"2"`
	Winner    ID        `json:"winner,omitzero" wire:"3"`
	Subjects  []ID      `json:"subjects,omitempty" wire:"4"`
	Bucket    int       `json:"bucket,omitempty" wire:"5"`
	Sweep     string    `json:"sweep,omitempty" wire:"6"`
	Segments  []string  `json:"segments,omitempty" wire:"7"`
	Clock     time.Time `json:"clock,omitzero" wire:"8"`
	Live      bool      `json:"live,omitempty" wire:"9"` // of clock: go on with the wall clock
	Chunk     int       `json:"chunk,omitempty" wire:"10"`
	Chunks    int       `json:"chunks,omitempty" wire:"11"`
	State     []byte    `json:"-" wire:"12"`                   // of absorb: encoded profiles.Profile holding the moved subjects
	RequestID ID        `json:"request_id,omitzero" wire:"13"` // outcome to write when folded
	Actor     string    `json:"actor,omitempty" wire:"14"`
	Reason    string    `json:"reason,omitempty" wire:"15"`
	Journey   string    `json:"journey,omitempty" wire:"16"`
	RunID     ID        `json:"run_id,omitzero" wire:"17"`
	Key       string    `json:"key,omitempty" wire:"18"` // of a run that is to begin
}
