package journeys

import (
	"net/url"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the shop's zone must be known wherever the program runs

	"enishi"
)

// Settings are what a marketer sets for all journeys: the setting definition "journeys", so a change acts at one place of
// the log. [ParseSettings] and [DefaultSettings] make them.
type Settings struct {
	Timezone        string            `json:"timezone,omitempty"`         // IANA name; default Asia/Tokyo
	DefaultLanguage string            `json:"default_language,omitempty"` // of messages to people whose language is not known; default ja
	Senders         []Sender          `json:"senders,omitempty"`
	Links           map[string]string `json:"links,omitempty"`       // links.NAME of templates, e.g. "review": "https://shop.example/reviews/new?order={order_id}"
	QuietHours      *QuietHours       `json:"quiet_hours,omitempty"` // of marketing; default 21:00 to 09:00 for line, sms and push
	SendDays        *SendDays         `json:"send_days,omitempty"`   // of marketing; default every day
	Caps            map[string]Cap    `json:"caps,omitempty"`        // by purpose (marketing, transactional), or purpose.channel
	Calendar        *Calendar         `json:"calendar,omitempty"`
	// UTM are the parameters that links of messages get, by channel; a journey's own come before them.
	UTM map[string]UTM `json:"utm,omitempty"`
	// NoEmoji are segments whose members get messages without emoji: templates see the variable no_emoji, and the sender takes out
	// what a template gives all the same.
	NoEmoji []string `json:"no_emoji,omitempty"`
	// Holdout is the share of all people, in per cent, who get no marketing at all, so that its effect can be measured. Who is
	// in it follows from the person alone and stays.
	Holdout float64 `json:"holdout,omitempty"`
	// Accelerate divides the durations of waits, timeouts and re-entry periods, for demonstrations: 720 makes an hour five
	// seconds. It does not touch send_by, and quiet hours and
	// send days do not apply. Default 1.
	Accelerate float64 `json:"accelerate,omitempty"`

	zone    *time.Location
	almanac *almanac
	caps    map[string]limit
}

// Sender is an account of a channel.
type Sender struct {
	Channel string `json:"channel"`           // one of enishi.MessageChannels
	Account string `json:"account"`           // name, part of the destination
	Purpose string `json:"purpose,omitempty"` // empty: for every purpose that has no sender of its own
}

// DefaultSettings are those of a workspace where nothing was set.
func DefaultSettings() *Settings {
	s := &Settings{}
	s.complete()
	return s
}

// ParseSettings reads the body of the setting definition. The error is [Problems].
func ParseSettings(body []byte) (*Settings, error) {
	s := &Settings{}
	src := decodeStrict(body, s)
	if len(src.problems) == 0 {
		s.check(src)
	}
	if len(src.problems) > 0 {
		return nil, src.problems
	}
	s.complete()
	return s, nil
}

func (s *Settings) check(src *source) {
	if s.Timezone != "" {
		if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "Local" {
			src.problem("timezone", "there is no time zone \""+s.Timezone+"\": write an IANA name such as Asia/Tokyo", "「"+s.Timezone+"」という時間帯はありません。Asia/Tokyo のように書いてください")
		}
	}
	if s.Accelerate != 0 && (s.Accelerate < 1 || s.Accelerate > 100_000) {
		src.problem("accelerate", "accelerate is 1 (real time) to 100000", "accelerate は 1（実時間）〜100000 にしてください")
	}
	for i, name := range s.NoEmoji {
		if !segmentName.MatchString(name) {
			src.problem("no_emoji["+itoa(i)+"]", "write the names of segments", "セグメントの名前を書いてください")
		}
	}
	for i := range s.Senders {
		x, path := &s.Senders[i], "senders["+itoa(i)+"]"
		if !slices.Contains(accountChannels(), x.Channel) {
			src.problem(path+".channel", "use one of "+strings.Join(accountChannels(), ", "), strings.Join(accountChannels(), "、")+" のどれかにしてください")
		}
		if !idPattern.MatchString(x.Account) {
			src.problem(path+".account", "an account has small letters, digits and _ and begins with a letter", "アカウント名は英小文字で始め、英小文字・数字・_ だけにしてください")
		}
		if x.Purpose != "" && x.Purpose != marketing && x.Purpose != transactional {
			src.problem(path+".purpose", "use marketing or transactional", "marketing か transactional にしてください")
		}
	}
	for _, name := range sortedKeys(s.Links) {
		if u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(s.Links[name])); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			src.problem("links."+name, "write a whole address such as https://shop.example/", "https://shop.example/ のような URL を書いてください")
		}
	}
	for _, name := range sortedKeys(s.Caps) {
		purpose, channel, _ := strings.Cut(name, ".")
		if purpose != marketing && purpose != transactional || channel != "" && !slices.Contains(accountChannels(), channel) {
			src.problem("caps."+name, "caps are for marketing or transactional, or for one channel of them such as marketing.line", "上限は marketing か transactional に、またはそのチャネル（marketing.line など）に対して書いてください")
		}
		if !capPattern.MatchString(s.Caps[name].Default) {
			src.problem("caps."+name, "write a cap as COUNT/PERIOD such as 2/7d, or none", "上限は 2/7d（7 日に 2 通）のように書くか、none にしてください")
		}
	}
	for _, ch := range sortedKeys(s.UTM) {
		if u := s.UTM[ch]; !slices.Contains(accountChannels(), ch) || u.Off {
			src.problem("utm."+ch, "parameters of links are for one of "+strings.Join(accountChannels(), ", "), "リンクのパラメーターは "+strings.Join(accountChannels(), "、")+" のどれかに対して書いてください")
		} else {
			src.utm("utm."+ch, &u)
		}
	}
	src.quiet("quiet_hours", s.QuietHours)
	src.sendDays("send_days", s.SendDays)
	s.checkCalendar(src)
	if s.Holdout < 0 || s.Holdout > 50 {
		src.problem("holdout", "holdout is 0 to 50 per cent", "配信しない比較グループ（holdout）は 0〜50（％）にしてください")
	}
}

// quiet checks quiet hours.
func (src *source) quiet(path string, q *QuietHours) {
	switch {
	case q == nil:
	case q.Off && (q.From != "" || q.To != ""):
		src.problem(path, "quiet hours that are off have no times: leave from and to out", "off のときは時刻を書かないでください")
	case !q.Off && (minutes(q.From) < 0 || minutes(q.To) < 0 || q.From == q.To):
		src.problem(path, "quiet hours go from one time of day to another, such as 21:00 to 09:00; {\"off\": true} is none", "送らない時間帯は 21:00 から 09:00 のように書いてください。なくすときは {\"off\": true} です")
	}
	if q != nil {
		for i, ch := range q.Channels {
			if !slices.Contains(accountChannels(), ch) {
				src.problem(path+".channels["+itoa(i)+"]", "use one of "+strings.Join(accountChannels(), ", "), strings.Join(accountChannels(), "、")+" のどれかにしてください")
			}
		}
	}
}

// sendDays checks the days of the week.
func (src *source) sendDays(path string, d *SendDays) {
	if d == nil {
		return
	}
	for i, name := range d.Weekdays {
		if !slices.Contains(weekdays(), name) {
			src.problem(path+".weekdays["+itoa(i)+"]", "use one of "+strings.Join(weekdays(), ", "), strings.Join(weekdays(), "、")+" のどれかにしてください")
		}
	}
}

// complete fills in the defaults.
func (s *Settings) complete() {
	if s.Timezone == "" {
		s.Timezone = "Asia/Tokyo"
	}
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil {
		zone = time.UTC
	}
	s.zone = zone
	s.almanac = s.Calendar.compile()
	s.caps = map[string]limit{}
	for name, c := range s.Caps {
		if l := c.limit(); l.count > 0 {
			s.caps[name] = l
		}
	}
	if s.QuietHours == nil {
		s.QuietHours = &QuietHours{From: "21:00", To: "09:00", Channels: []string{"line", "sms", "push"}}
	}
	if s.Accelerate < 1 {
		s.Accelerate = 1
	}
	if s.DefaultLanguage == "" {
		s.DefaultLanguage = "ja"
	}
}

// Zone is the shop's time zone.
func (s *Settings) Zone() *time.Location { return s.zone }

// scaled is a duration as the settings let it pass, at least a millisecond.
func (s *Settings) scaled(d time.Duration) time.Duration {
	if s.Accelerate <= 1 {
		return d
	}
	return max(time.Duration(float64(d)/s.Accelerate).Truncate(time.Millisecond), time.Millisecond)
}

// InRealTime are the settings without what makes demonstrations fast.
func (s *Settings) InRealTime() *Settings {
	own := *s
	own.Accelerate = 1
	return &own
}

// account is the sender's account for a channel and purpose.
func (s *Settings) account(channel, purpose string) string {
	name := "default"
	for i := range s.Senders {
		x := &s.Senders[i]
		if x.Channel != channel {
			continue
		}
		if x.Purpose == purpose {
			return x.Account
		}
		if x.Purpose == "" && name == "default" {
			name = x.Account
		}
	}
	return name
}

// Destination is the account by which a message to an address leaves, and the queue that it waits in.
func (s *Settings) Destination(channel, purpose, address string) (account, queue string) {
	account = s.account(channel, purpose)
	return account, destination(channel, account, address)
}

// destination is the queue that a message waits in: channel:account, and for mail the receiving system.
func destination(channel, account, address string) string {
	d := channel + ":" + account
	if channel != "email" {
		return d
	}
	return d + ":" + enishi.MailGroup(address)
}
