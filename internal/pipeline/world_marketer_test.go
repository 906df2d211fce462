package pipeline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/journeys"
	"enishi/segments"
)

// marketed gives a world a marketer, who has journeys of every kind of node, publishes, moves people, pauses and archives.
func marketed(w *world) {
	w.marketer = rand.New(rand.NewPCG(w.seed, 0x3A))
	w.trying = map[string]bool{}
}

// The marketer's journeys. Everybody may come into the first by many events; it starts and leaves the second, which repeats
// what a branch asks for. All their messages are marketing by mail, quiet from 20:00 to 10:00 in the shop's zone.
const (
	toursBody = `{"title":{"ja":"巡り","en":"Tour"},"purpose":"marketing","consent":"opt_in","cap":{"default":"3/2d"},"priority":7,
"quiet_hours":{"from":"20:00","to":"10:00"},%s
"entry":{"events":["user.signed_up","order.placed","custom.fitting","store.visited"],"called":true,"reentry":"after:1h"},
"exit_on":[{"event":"order.cancelled","key":"any"}],"goal":{"event":"review.written","key":"any"},"start":"mark","nodes":{
"mark":{"type":"update","set":{"stage":"toured","tours":1},"clear":["rank"],"next":"gift"},
"gift":{"type":"points","points":{"amount":50,"reason":"巡り","expires":"9d"},"next":"still"},
"still":{"type":"wait","for":"%s","reset_on":{"events":["product.viewed","page.viewed"],"key":"any"},"next":"aside"},
"aside":{"type":"holdout","percent":30,"next":"ways"},
"ways":{"type":"split","ways":[{"weight":1,"next":"begin"},{"weight":2,"next":"say"},{"weight":1,"next":"looked"},{"weight":1,"next":"buys"}]},
"begin":{"type":"start","journey":"echo","next":"say"},
"say":{"type":"message","template":"welcome_mail","send_by":"20h","next":"looked"},
"looked":{"type":"wait","until_event":{"events":["cart.updated","cart.item_added"],"key":"any"},"timeout":"30h","next":"stop","on_timeout":"%s"},
"stop":{"type":"leave","journey":"echo","next":"hour"},
"hour":{"type":"wait","until":{"time":"12:30","weekdays":["mon","wed","thu","fri"]},"next":"again"},
"buys":{"type":"wait","until_true":"orders_count >= 2","timeout":"3d","next":"again","on_timeout":"%s"},
"again":{"type":"message","channels":["line","email"],"templates":{"line":"welcome_line","email":"welcome_howto_mail"},"send_by":"2d","next":"more"},
"more":{"type":"wait","for":"90m","next":"out"},
"out":{"type":"exit"}}}`
	echoBody = `{"title":{"ja":"こだま","en":"Echo"},"purpose":"marketing","consent":"opt_in",%s
"quiet_hours":{"from":"20:00","to":"10:00"},
"entry":{"called":true,"reentry":"always"},"start":"wait","nodes":{
"wait":{"type":"wait","until":{"shop_hours":true},"next":"say"},
"say":{"type":"message","template":"winback_mail","send_by":"1d","next":"which"},
"which":{"type":"branch","branches":[{"if":"orders_count >= 1","next":"back"}],"else":"reached"},
"back":{"type":"start","journey":"tours","next":"reached"},
"reached":{"type":"goal"}}}`
)

// TestMarketerWritesValidly: what a marketer publishes in the simulation compiles, else nothing of it would be tried.
func TestMarketerWritesValidly(t *testing.T) {
	w := &world{marketer: rand.New(rand.NewPCG(1, 2))}
	for range 200 {
		state, inFlight := w.publication()
		for name, body := range map[string][]byte{"tours": w.tours(state, inFlight), "echo": echo(state, inFlight)} {
			if _, err := journeys.Compile(name, 1, body, segments.Library{}); err != nil {
				t.Fatalf("%v\n%s", err, body)
			}
		}
		if _, err := journeys.ParseSettings(rules(w.marketer)); err != nil {
			t.Fatal(err)
		}
	}
}

// publication is how a version goes live, or does not.
func (w *world) publication() (state, inFlight string) {
	m := w.marketer
	state = []string{"", "", "", `"state":"paused",`, `"state":"archived",`, `"state":"draft",`}[m.IntN(6)]
	inFlight = []string{"", `"in_flight":{"then":"finish"},`, `"in_flight":{"then":"move"},`, `"in_flight":{"then":"move","nodes":{"looked":"buys","hour":"again","more":"still"}},`, `"in_flight":{"then":"exit"},`}[m.IntN(5)]
	return state, inFlight
}

// tours are the versions that there may be of the first: other waits, other ways, and what becomes of people in older ones.
func (w *world) tours(state, inFlight string) []byte {
	pick := func(of ...string) string { return of[w.marketer.IntN(len(of))] }
	return fmt.Appendf(nil, toursBody, state+inFlight, pick("20m", "3h", "26h"), pick("hour", "buys"), pick("more", "out"))
}

// echo are the versions of the second; it has no other nodes to which people could move.
func echo(state, inFlight string) []byte {
	if strings.Contains(inFlight, "nodes") {
		inFlight = `"in_flight":{"then":"move"},`
	}
	return fmt.Appendf(nil, echoBody, state+inFlight)
}

// market is a marketer at work: now and then a journey is published anew, paused, taken up again, archived, or rules change.
func (w *world) market() {
	m := w.marketer
	state, inFlight := w.publication()
	switch m.IntN(5) {
	case 0, 1:
		w.define("journey", "tours", w.tours(state, inFlight))
	case 2:
		w.define("journey", "echo", echo(state, inFlight))
	case 3:
		w.define("setting", "journeys", rules(m))
	default:
		w.define("journey", "tours", w.tours("", ""))
	}
}

// rules are settings of journeys: caps, a holdout of the shop, days on which nothing is sent, shop hours.
func rules(m *rand.Rand) []byte {
	caps := []string{`{}`, `{"marketing":{"default":"2/1d"}}`, `{"marketing.email":{"default":"1/3d"},"marketing":{"default":"4/7d"}}`}[m.IntN(3)]
	days := []string{`{}`, `{"weekdays":["mon","tue","thu","fri"]}`, `{"not_on_closed_days":true}`}[m.IntN(3)]
	return fmt.Appendf(nil, `{"caps":%s,"send_days":%s,"holdout":%d,"calendar":{"closed":["2026-03-04"],"hours":{"from":"11:00","to":"19:00"}}}`, caps, days, []int{0, 20}[m.IntN(2)])
}

// checkMarketed looks at a message of the marketer's journeys: none in the night, none after its time.
func (w *world) checkMarketed(m *enishi.Message) {
	if w.marketer == nil || m.Journey != "tours" && m.Journey != "echo" {
		return
	}
	w.trying[m.Journey+"/"+m.Node] = true
	local := m.DecidedAt.In(tokyo)
	if clock := local.Hour(); clock >= 20 || clock < 10 {
		w.violate("%s/%s is decided at %v, in the night", m.Journey, m.Node, local)
	}
	if !m.NotAfter.IsZero() && m.NotAfter.Before(m.DecidedAt) {
		w.violate("%s/%s of %v could leave until %v", m.Journey, m.Node, m.DecidedAt, m.NotAfter)
	}
	if strings.Contains(m.To, "@") != (m.Channel == "email") {
		w.violate("%s goes to %s", m.Channel, m.To)
	}
}

var tokyo = time.FixedZone("JST", 9*60*60)
