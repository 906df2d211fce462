package journeys

import (
	"strconv"
	"strings"
	"time"

	"enishi"
)

// expectations are what a scenario may expect, and how many words each has after its name.
var expectations = map[string]int{"run": 3, "norun": 2, "never": 2, "end": 3, "sent": 3, "says": 3, "decision": 3, "undecided": 2, "cancel": 3, "refused": 3,
	"trait": 2, "calls": 3, "points": 2, "row": 4}

// expect checks what is known now.
func (r *scenarioRun) expect(words []string) {
	least, known := expectations[words[0]]
	if !known {
		r.wrong("nothing to expect is called "+strconv.Quote(words[0])+": use "+strings.Join(sortedKeys(expectations), ", "),
			"「"+words[0]+"」は expect で使えません。"+strings.Join(sortedKeys(expectations), "、")+" のどれかにしてください")
		return
	}
	if len(words)-1 < least {
		r.wrong("expect "+words[0]+" needs "+itoa(least)+" words after it", "expect "+words[0]+" の後には "+itoa(least)+" 語が必要です")
		return
	}
	name := words[1]
	if _, ok := r.names[name]; !ok {
		r.wrong("nobody is called "+name, "「"+name+"」という人はいません（person で先に書いてください）")
		return
	}
	arg := append(words[1:len(words):len(words)], "", "") // optional words are ""
	switch words[0] {
	case "run", "norun", "never", "end":
		r.expectRun(words[0], name, arg[1], arg[2])
	case "sent":
		r.expectSent(name, arg[1], arg[2])
	case "says":
		r.expectSays(name, arg[1], strings.Join(words[3:], " "))
	case "decision":
		r.expectDecision(name, arg[1], arg[2], strings.TrimSpace(strings.Join(arg[3:], " ")))
	case "undecided":
		if d := r.decision(name, arg[1]); d != nil {
			r.unmet(Text{arg[1] + " は判断されない", "nothing is decided about " + arg[1]}, d.told())
		}
	case "cancel":
		r.expectCancel(name, arg[1], arg[2], arg[3])
	case "refused":
		if got := r.refused(name, arg[1]); got != arg[2] {
			r.unmet(Text{arg[1] + " に入れない理由は " + arg[2], name + " is refused by " + arg[1] + " for " + arg[2]}, r.tellRuns(name, arg[1]))
		}
	case "calls":
		if got := itoa(len(r.calls(name, arg[1]))); got != arg[2] {
			r.unmet(Text{arg[1] + " の呼び出しは " + arg[2] + " 回", arg[2] + " calls of " + arg[1]}, Text{got + " 回でした", "there are " + got})
		}
	case "trait":
		if got := r.people[r.names[name]].View().Traits[arg[1]].String(); got != arg[2] {
			r.unmet(Text{"属性 " + arg[1] + " は「" + arg[2] + "」", "the trait " + arg[1] + " is " + strconv.Quote(arg[2])}, Text{"「" + got + "」でした", "it is " + strconv.Quote(got)})
		}
	case "points":
		if got := itoa(int(r.people[r.names[name]].View().Points)); got != arg[1] {
			r.unmet(Text{arg[1] + " ポイント", arg[1] + " points"}, Text{got + " ポイントでした", "there are " + got})
		}
	case "row":
		r.expectRow(name, arg[1], arg[2], strings.Join(words[4:], " "))
	}
}

// expectSent: PERSON TEMPLATE COUNT, or PERSON nothing 0.
func (r *scenarioRun) expectSent(name, template, count string) {
	want, err := strconv.Atoi(count)
	if err != nil {
		r.wrong("say how many: expect sent PERSON TEMPLATE 1", "通数を書いてください: expect sent 人 テンプレート 1")
		return
	}
	any := template
	if template == "nothing" {
		any = ""
	}
	got := r.sent(name, any)
	if len(got) == want {
		return
	}
	happened := Text{itoa(len(got)) + " 通でした", itoa(len(got)) + " were decided"}
	if any == "" && len(got) > 0 {
		list := strings.Join(messageNames(got), ", ")
		happened = Text{happened.JA + "（" + list + "）", happened.EN + " (" + list + ")"}
	}
	if d := r.decision(name, any); d != nil && !d.Sent {
		told := d.told()
		happened = Text{happened.JA + "。最後の判断: " + told.JA, happened.EN + "; the last decision: " + told.EN}
	}
	r.unmet(Text{template + " は " + count + " 通", count + " of " + template}, happened)
}

// expectSays: the variables of the newest message with a template contain a text.
func (r *scenarioRun) expectSays(name, template, text string) {
	got := r.sent(name, template)
	expected := Text{template + " の差し込みに「" + text + "」がある", template + " has " + text}
	switch {
	case len(got) == 0:
		r.unmet(expected, Text{template + " は送られていません", "no " + template + " was sent"})
	case !strings.Contains(got[len(got)-1].Variables, text):
		r.unmet(expected, Text{"差し込みは " + got[len(got)-1].Variables, "it has " + got[len(got)-1].Variables})
	}
}

// expectRun looks at the runs of JOURNEY or JOURNEY/KEY.
func (r *scenarioRun) expectRun(what, name, journey, want string) {
	all := r.runs(name, journey)
	var live []string
	for i := range all {
		if all[i].EndedAt.IsZero() && !isResend(&all[i]) {
			live = append(live, all[i].Node)
		}
	}
	ok, expected := false, Text{}
	switch what {
	case "run":
		ok, expected = len(live) == 1 && live[0] == want, Text{journey + " の「" + want + "」にいる", name + " stands at " + want + " of " + journey}
	case "norun":
		ok, expected = true, Text{journey + " の途中にいない", name + " is not in " + journey}
		for i := range all {
			ok = ok && !all[i].EndedAt.IsZero()
		}
	case "never":
		ok, expected = len(all) == 0, Text{journey + " に一度も入っていない", name + " never entered " + journey}
	case "end":
		if len(all) > 1 {
			r.wrong(itoa(len(all))+" runs: name the key as in "+journey+"/KEY", itoa(len(all))+" 件あります。"+journey+"/キー のように書いてください")
			return
		}
		ok, expected = len(all) == 1 && all[0].End == want, Text{journey + " は " + want + " で終わる", journey + " ends as " + want}
	}
	if !ok {
		r.unmet(expected, r.tellRuns(name, journey))
	}
}

// tellRuns says how somebody stands to a journey.
func (r *scenarioRun) tellRuns(name, journey string) Text {
	var out Text
	add := func(ja, en string) {
		if out.EN != "" {
			out.JA, out.EN = out.JA+"、", out.EN+"; "
		}
		out.JA, out.EN = out.JA+ja, out.EN+en
	}
	for _, x := range r.runs(name, journey) {
		key := ""
		if x.Key != "" {
			key = " (" + x.Key + ")"
		}
		switch {
		case x.EndedAt.IsZero() && x.Wait != nil && !x.Wait.Until.IsZero():
			until := x.Wait.Until.In(r.settingsZone()).Format(time.RFC3339)
			add("「"+x.Node+"」で "+until+" まで待っています"+key, "waits at "+x.Node+" until "+until+key)
		case x.EndedAt.IsZero():
			add("「"+x.Node+"」にいます"+key, "stands at "+x.Node+key)
		default:
			add("「"+x.Node+"」で "+x.End+" で終わりました"+key, "ended as "+x.End+" at "+x.Node+key)
		}
	}
	base, _, _ := strings.Cut(journey, "/")
	if reason := r.refused(name, base); reason != "" {
		add("入れなかった最後の理由: "+reason, "last refused for "+reason)
	}
	if out.EN == "" {
		return Text{"一度も入っていません", "never entered"}
	}
	return out
}

func (w *world) settingsZone() *time.Location {
	if w.settings.zone == nil {
		return time.UTC
	}
	return w.settings.zone
}

// refused is why somebody did not enter a journey, the newest time.
func (w *world) refused(name, journey string) string {
	reason := ""
	for _, d := range w.out.Derived {
		if d.Type == TypeRefused && d.Subject == w.names[name] && d.Journey == journey {
			reason = d.Reason
		}
	}
	return reason
}

func (r *scenarioRun) expectCancel(name, template, count, reason string) {
	n, got := 0, ""
	for _, m := range r.out.Messages {
		if m.Cancel && m.Profile == r.names[name] && m.Template == template {
			n++
			got = m.Reason
		}
	}
	if itoa(n) != count || reason != "" && got != reason {
		r.unmet(Text{template + " の取り消しは " + count + " 回 " + reason, count + " cancels of " + template + " " + reason}, Text{itoa(n) + " 回でした " + got, itoa(n) + " cancels, the last for " + strconv.Quote(got)})
	}
}

// told is a decision as a failure tells it.
type told struct{ *enishi.Decision }

// decision is the newest decision for somebody about a template, "" for any; nil when there is none.
func (w *world) decision(name, template string) *told {
	for i := len(w.out.Decisions) - 1; i >= 0; i-- {
		if d := &w.out.Decisions[i]; d.Profile == w.names[name] && (template == "" || d.Template == template) {
			return &told{d}
		}
	}
	return nil
}

func (d *told) told() Text {
	last := d.Checks[len(d.Checks)-1]
	if d.Sent {
		return Text{d.Template + " を送ります", d.Template + " is sent"}
	}
	return Text{d.Template + " を送らない: " + d.Reason + "（" + last.Detail + "）", d.Template + " is not sent: " + d.Reason + " (" + last.Detail + ")"}
}

// expectDecision: the newest decision about a template, and part of its last check's detail.
func (r *scenarioRun) expectDecision(name, template, reason, detail string) {
	expected := Text{template + " の判断は " + reason + " " + detail, "the decision about " + template + " is " + reason + " " + detail}
	d := r.decision(name, template)
	if d == nil {
		r.unmet(expected, Text{"まだ判断されていません", "nothing was decided"})
		return
	}
	last := d.Checks[len(d.Checks)-1]
	if d.Sent != (d.Reason == "sent") || d.Sent != last.OK || d.Reason != reason || !strings.Contains(last.Detail, detail) {
		r.unmet(expected, d.told())
	}
}

func (r *scenarioRun) expectRow(name, typ, journey, reason string) {
	var got []string
	for _, d := range r.out.Derived {
		if d.Type == typ && d.Journey == journey && d.Subject == r.names[name] {
			if d.Reason == reason {
				return
			}
			got = append(got, d.Reason)
		}
	}
	r.unmet(Text{typ + " の記録 " + journey + " " + reason, "a row " + typ + " of " + journey + ": " + reason}, Text{"ありません（" + strings.Join(got, "、") + "）", "there is none (" + strings.Join(got, "; ") + ")"})
}

func messageNames(ms []enishi.Message) []string {
	var out []string
	for i := range ms {
		out = append(out, ms[i].Template)
	}
	return out
}
