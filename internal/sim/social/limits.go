package social

import (
	"slices"
	"time"
)

// Limits holds every documented limit the simulator enforces. Each value is used as it stands (zero means zero), so a
// changed set starts from [Documented].
type Limits struct {
	Text           int // characters of a text on Messenger
	InstagramText  int // bytes of UTF-8 of a text on Instagram
	QuickReplies   int
	QuickTitle     int // characters
	QuickPayload   int // characters
	Metadata       int // characters
	Buttons        int // of a template
	ButtonTitle    int // characters
	TemplateText   int // characters of a button template
	Elements       int // of a generic template
	ElementTitle   int // characters of its title and of its subtitle, each
	TextPerSecond  int // calls with text, links, reactions and stickers, of one page or account
	MediaPerSecond int // calls with audio or video
	BodyBytes      int

	Window         time.Duration // after what a person did
	AdWindow       time.Duration // after a click on an ad that opens a chat
	HumanAgent     time.Duration // tag HUMAN_AGENT, after what a person did
	CommentFor     time.Duration // private reply to a comment
	MarketingEvery time.Duration // marketing messages of one topic to one person
	WebhookAnswer  time.Duration
}

// Documented are the limits of Meta's reference. The pace of marketing messages is that of the notification messages they
// replaced (one of a topic in 24 hours at the densest frequency).
func Documented() Limits {
	return Limits{Text: 2000, InstagramText: 1000, QuickReplies: 13, QuickTitle: 20, QuickPayload: 1000, Metadata: 1000, Buttons: 3, ButtonTitle: 20,
		TemplateText: 640, Elements: 10, ElementTitle: 80, TextPerSecond: 300, MediaPerSecond: 10, BodyBytes: 1 << 20,
		Window: 24 * time.Hour, AdWindow: 7 * 24 * time.Hour, HumanAgent: 7 * 24 * time.Hour, CommentFor: 7 * 24 * time.Hour, MarketingEvery: 24 * time.Hour,
		WebhookAnswer: 5 * time.Second}
}

// Platforms of an account.
const (
	Messenger = "messenger"
	Instagram = "instagram"
)

// Tag is a message tag: what may be sent outside the window under its name.
type Tag struct {
	Name      string
	Platforms []string
	Until     time.Time // Meta takes it up to then; zero: no end is known
}

// Tags are those of Meta's page on message tags.
func Tags() []Tag {
	return []Tag{{Name: "HUMAN_AGENT", Platforms: []string{Messenger, Instagram}}, {Name: "CONFIRMED_EVENT_UPDATE", Platforms: []string{Messenger}},
		{Name: "POST_PURCHASE_UPDATE", Platforms: []string{Messenger}}, {Name: "ACCOUNT_UPDATE", Platforms: []string{Messenger}}}
}

func (t *Tag) holds(platform string, now time.Time) bool {
	return slices.Contains(t.Platforms, platform) && (t.Until.IsZero() || now.Before(t.Until))
}

// rate admits at most n calls in any second: it remembers the times of the last n.
type rate struct {
	times []time.Time
	next  int
}

func (r *rate) admit(now time.Time, n int) bool {
	if n <= 0 {
		return false
	}
	if len(r.times) < n {
		r.times = append(r.times, now)
		return true
	}
	if now.Sub(r.times[r.next]) < time.Second {
		return false
	}
	r.times[r.next] = now
	r.next = (r.next + 1) % n
	return true
}
