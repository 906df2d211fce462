package postal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/channels/dm/postal/house"
)

// SettingName is the setting with the postal accounts.
const SettingName = "postal"

// Settings are the postal accounts by name. The account "default" is there even when nothing was saved.
type Settings struct {
	Accounts map[string]*Account       `json:"accounts,omitempty"`
	Houses   map[string]*house.Profile `json:"houses,omitempty"` // what print houses ask for, by name; standard is quoted CSV in CP932
}

// HouseOf is the profile of a name.
func (s *Settings) HouseOf(name string) (*house.Profile, error) {
	if p := s.Houses[name]; p != nil {
		return p, nil
	}
	if name == "" || name == "standard" {
		return &house.Profile{}, nil
	}
	return nil, enishi.FieldError("house", "there is no print house "+name+" in the setting postal", "郵送の設定に印刷会社「"+name+"」がありません。")
}

// Account is one way of mailing: a product, a rhythm, a print house and the rules of its batches. Empty fields have the
// defaults that their comments name.
type Account struct {
	Title      string   `json:"title,omitempty"`
	Discounts  []string `json:"discounts,omitempty"`   // that the shop has applied for (koukoku, kubun)
	Grams      int      `json:"grams,omitempty"`       // weight of a piece; the least that the product takes
	Product    string   `json:"product,omitempty"`     // of product.Table; empty: the cheapest that the content may use
	Schedule   Schedule `json:"schedule,omitzero"`     // when batches are cut off; every day at 18:00
	Hold       int      `json:"hold_hours"`            // from the approval to the earliest export; 0
	Least      int      `json:"min_pieces"`            // a batch with fewer waits for the next cut-off; 0
	Budget     Budget   `json:"budget,omitzero"`       // 0: none
	Cost       Cost     `json:"cost,omitzero"`         // of one piece
	House      string   `json:"house,omitempty"`       // print house profile: standard
	Keep       string   `json:"household"`             // one, all: how many of a household get a piece; one
	Prefer     string   `json:"prefer,omitempty"`      // of one: who gets it: ltv, latest (order), first (decision); ltv
	Recent     Recent   `json:"recent,omitzero"`       // most pieces a person gets; no limit
	Approval   Approval `json:"approval,omitzero"`     // who lets a batch go
	Response   int      `json:"response_days"`         // how long an order counts as response; 60
	Deliver    Delivery `json:"delivery,omitzero"`     // how files reach the print house; download
	Seeds      []Seed   `json:"seeds,omitempty"`       // addresses of the shop that get a piece of every batch (自社宛)
	Sender     Sender   `json:"sender,omitzero"`       // 差出人
	KeepBuyers bool     `json:"keep_buyers,omitempty"` // who bought after the decision gets a piece all the same
	NewYear    bool     `json:"new_year,omitempty"`    // New Year cards: people in mourning (喪中) get none
	Landing    string   `json:"landing,omitempty"`     // where the QR code of a piece leads; the template's own goes before it
	Coupon     string   `json:"coupon,omitempty"`      // coupon code of everybody, beside the piece's own
}

// Schedule says when batches are cut off, in the shop's zone.
type Schedule struct {
	Every string   `json:"every,omitempty"` // day, week, month, manual; day
	Days  []string `json:"days,omitempty"`  // of week: mon ... sun; of month: 1 ... 31 (what a month lacks is its last day)
	At    string   `json:"at,omitempty"`    // 18:00
}

// Budget bounds what batches may cost, postage and print.
type Budget struct {
	Batch enishi.Amount `json:"batch,omitzero"`
	Month enishi.Amount `json:"month,omitzero"` // by the shop's months of cut-off
}

// Cost is what one piece costs beside the product's postage.
type Cost struct {
	Print   enishi.Amount  `json:"print,omitzero"`
	Postage *enishi.Amount `json:"postage,omitempty"` // in place of the product's, where the shop has a contract
}

// Recent is the cap on pieces per person over all accounts.
type Recent struct {
	Pieces int `json:"pieces,omitempty"`
	Days   int `json:"days,omitempty"`
}

// Approval says who must look at a batch before it is printed.
type Approval struct {
	Off  bool   `json:"off,omitempty"`  // batches go without anybody looking
	Role string `json:"role,omitempty"` // editor, approver, admin; approver
}

// Delivery says how files reach the print house. Hosts, folders and keys are in the configuration under Target, because
// definitions hold no secrets.
type Delivery struct {
	Kind      string `json:"kind,omitempty"`   // download, directory, sftp; download
	Target    string `json:"target,omitempty"` // name in the configuration
	PDF       bool   `json:"pdf,omitempty"`    // print-ready PDF beside the CSV
	Recipient string `json:"recipient,omitempty"`
	Encrypt   string `json:"encrypt,omitempty"` // zip, age; empty: not encrypted. The password or recipient is in the configuration
}

// Seed is an address of the shop's own.
type Seed struct {
	enishi.Address
}

// Sender is the block that says who sends and where undeliverable pieces go back to.
type Sender struct {
	Name       string `json:"name,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Address    string `json:"address,omitempty"`
	Phone      string `json:"phone,omitempty"`
	Mark       string `json:"mark,omitempty"`      // 料金別納, 料金後納, ...; the product's own when empty
	Office     string `json:"office,omitempty"`    // 差出局
	Licence    string `json:"licence,omitempty"`   // 承認番号
	ReturnTo   string `json:"return_to,omitempty"` // 返還先, when it is not the sender's
}

// DefaultAccount is the account that a message without one uses.
const DefaultAccount = "default"

// Values of settings.
const (
	EveryDay    = "day"
	EveryWeek   = "week"
	EveryMonth  = "month"
	EveryManual = "manual"

	HouseholdOne = "one"
	HouseholdAll = "all"

	ByDownload  = "download"
	ByDirectory = "directory"
	BySFTP      = "sftp"
)

var (
	accountName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	clockText   = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
	weekdays    = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

// ParseSettings reads the setting and fills in defaults. Errors name the place.
func ParseSettings(body []byte) (*Settings, error) {
	s := &Settings{}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(s); err != nil {
		return nil, enishi.FieldError("body.body", "is no postal setting: "+err.Error(), "郵送の設定として読めません: "+err.Error())
	}
	for name, p := range s.Houses {
		if p == nil {
			return nil, enishi.FieldError("houses."+name, "is empty: write {}", "空です。{} と書いてください。")
		}
		if err := p.Check(); err != nil {
			return nil, err
		}
	}
	for name, a := range s.Accounts {
		place := "accounts." + name
		if !accountName.MatchString(name) {
			return nil, enishi.FieldError(place, "a name begins with a small letter and has small letters, digits and _", "アカウント名は英小文字で始め、英小文字・数字・_ だけにしてください。")
		}
		if a == nil {
			return nil, enishi.FieldError(place, "is empty: write {}", "空です。{} と書いてください。")
		}
		if err := a.check(place); err != nil {
			return nil, err
		}
		if _, err := s.HouseOf(a.House); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Account is the one of a name; false when it is not set up. The default one is always there.
func (s *Settings) Account(name string) (*Account, bool) {
	if name == "" {
		name = DefaultAccount
	}
	if s != nil && s.Accounts[name] != nil {
		return s.Accounts[name], true
	}
	a := &Account{}
	_ = a.check("") // an empty account is right
	return a, name == DefaultAccount
}

// check fills in defaults and tells what is wrong.
func (a *Account) check(place string) error {
	bad := func(field, en, ja string) error { return enishi.FieldError(place+"."+field, en, ja) }
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&a.Schedule.Every, EveryDay)
	set(&a.Schedule.At, "18:00")
	set(&a.House, "standard")
	set(&a.Keep, HouseholdOne)
	set(&a.Prefer, "ltv")
	set(&a.Approval.Role, "approver")
	set(&a.Deliver.Kind, ByDownload)
	if a.Response == 0 {
		a.Response = 60
	}
	if err := a.Schedule.check(place + ".schedule"); err != nil {
		return err
	}
	switch {
	case !slices.Contains([]string{HouseholdOne, HouseholdAll}, a.Keep):
		return bad("household", "is one or all", "one（1 世帯 1 通）か all（全員）にしてください。")
	case !slices.Contains([]string{"ltv", "latest", "first"}, a.Prefer):
		return bad("prefer", "is ltv, latest or first", "ltv・latest・first のどれかにしてください。")
	case a.Hold < 0 || a.Hold > 24*30:
		return bad("hold_hours", "is 0 to 720 hours", "0〜720 時間にしてください。")
	case a.Least < 0 || a.Least > 1_000_000:
		return bad("min_pieces", "is 0 to 1,000,000", "0〜1,000,000 通にしてください。")
	case a.Response < 1 || a.Response > 365:
		return bad("response_days", "is 1 to 365 days", "1〜365 日にしてください。")
	case a.Budget.Batch < 0 || a.Budget.Month < 0 || a.Cost.Print < 0 || a.Cost.Postage != nil && *a.Cost.Postage < 0:
		return bad("cost", "amounts are not negative", "金額は 0 以上にしてください。")
	case (a.Recent.Pieces == 0) != (a.Recent.Days == 0) || a.Recent.Pieces < 0 || a.Recent.Days < 0 || a.Recent.Days > 366:
		return bad("recent", "needs pieces and days, at most 366", "通数と日数（366 日まで）の両方を入れてください。")
	case !slices.Contains([]string{"editor", "approver", "admin"}, a.Approval.Role):
		return bad("approval.role", "is editor, approver or admin", "editor・approver・admin のどれかにしてください。")
	case !slices.Contains([]string{ByDownload, ByDirectory, BySFTP}, a.Deliver.Kind):
		return bad("delivery.kind", "is download, directory or sftp", "download・directory・sftp のどれかにしてください。")
	case a.Deliver.Kind != ByDownload && a.Deliver.Target == "":
		return bad("delivery.target", "names a target of postal.targets in the configuration", "設定ファイルの postal.targets にある送り先の名前を書いてください。")
	case !slices.Contains([]string{"", "zip", "age"}, a.Deliver.Encrypt):
		return bad("delivery.encrypt", "is zip or age, or left out", "zip か age にするか、空にしてください。")
	case a.Landing != "" && !strings.HasPrefix(a.Landing, "https://") && !strings.HasPrefix(a.Landing, "http://"):
		return bad("landing", "is an address that begins with https://", "https:// で始まるアドレスにしてください。")
	case len(a.Seeds) > 50:
		return bad("seeds", "has more than 50", "50 件までにしてください。")
	}
	return nil
}

func (s *Schedule) check(place string) error {
	bad := func(field, en, ja string) error { return enishi.FieldError(place+"."+field, en, ja) }
	if !clockText.MatchString(s.At) {
		return bad("at", "is a time of day such as 18:00", "18:00 のように書いてください。")
	}
	switch s.Every {
	case EveryDay, EveryManual:
		if len(s.Days) > 0 {
			return bad("days", "belongs to week and month", "曜日・日付は week か month のときだけ指定できます。")
		}
	case EveryWeek:
		for _, d := range s.Days {
			if !slices.Contains(weekdays, d) {
				return bad("days", d+" is no weekday: mon, tue, wed, thu, fri, sat, sun", d+" は曜日ではありません（mon・tue・wed・thu・fri・sat・sun）。")
			}
		}
		if len(s.Days) == 0 {
			return bad("days", "name a weekday", "曜日を選んでください。")
		}
	case EveryMonth:
		for _, d := range s.Days {
			var n int
			if _, err := fmt.Sscanf(d, "%d", &n); err != nil || n < 1 || n > 31 || fmt.Sprint(n) != d {
				return bad("days", d+" is no day of a month: 1 to 31", d+" は日付ではありません（1〜31）。")
			}
		}
		if len(s.Days) == 0 {
			return bad("days", "name a day", "日付を選んでください。")
		}
	default:
		return bad("every", "is day, week, month or manual", "day・week・month・manual のどれかにしてください。")
	}
	return nil
}

// Cutoff is the first cut-off after an instant. Of a manual schedule it is the end of the month: a batch that nobody
// closes before closes then.
func (s *Schedule) Cutoff(after time.Time, zone *time.Location) time.Time {
	t := after.In(zone)
	at := func(y int, m time.Month, d int) time.Time {
		var hour, minute int
		_, _ = fmt.Sscanf(s.At, "%d:%d", &hour, &minute) // checked
		return time.Date(y, m, d, hour, minute, 0, 0, zone)
	}
	if s.Every == EveryManual {
		return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, zone).UTC()
	}
	for i := range 63 {
		day := time.Date(t.Year(), t.Month(), t.Day()+i, 0, 0, 0, 0, zone)
		if c := at(day.Year(), day.Month(), day.Day()); s.on(day) && c.After(after) {
			return c.UTC()
		}
	}
	return after.AddDate(0, 2, 0).UTC() // not reached: every schedule has a day within two months
}

// on tells whether batches are cut off on a day.
func (s *Schedule) on(day time.Time) bool {
	switch s.Every {
	case EveryWeek:
		return slices.Contains(s.Days, weekdays[day.Weekday()])
	case EveryMonth:
		last := time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
		return slices.ContainsFunc(s.Days, func(d string) bool {
			var n int
			_, _ = fmt.Sscanf(d, "%d", &n) // checked
			return min(n, last) == day.Day()
		})
	}
	return true
}

// BatchName is the id of the batch that a piece of an account and template belongs to, by its cut-off: ACCOUNT-TEMPLATE-DATE.
func BatchName(account, template string, cutoff time.Time, zone *time.Location) string {
	if account == "" {
		account = DefaultAccount
	}
	name := account + "-" + template
	if len(name) > 48 {
		name = name[:39] + "-" + enishi.NewID("postal batch", account, template).String()[:8]
	}
	return name + "-" + cutoff.Add(-time.Millisecond).In(zone).Format("20060102")
}
