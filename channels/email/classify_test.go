package email

import (
	"errors"
	"strings"
	"testing"
)

// TestEachAnswer: every line of the table is reached by an answer of its own, and no answer is without one.
func TestEachAnswer(t *testing.T) {
	t.Parallel()
	eof := errors.New("EOF")
	examples := []fault{
		{at: atDot, err: eof},
		{at: atContent, err: eof},
		{at: atRcpt, code: 421, text: "4.7.0 [TSS04] Messages temporarily deferred due to unexpected volume"},
		{at: atMail, code: 535, text: "5.7.8 authentication credentials invalid"},
		{at: atMail, code: 450, text: "4.1.8 sender domain not found"},
		{at: atRcpt, code: 450, text: "4.7.1 Too many messages from your host"},
		{at: atRcpt, code: 450, text: "4.2.2 over quota"},
		{at: atDot, code: 452, text: "insufficient system storage"},
		{at: atRcpt, code: 450, text: "4.2.0 Greylisted, try again in 300 seconds"},
		{at: atRcpt, code: 550, text: "5.7.1 blocked"},
		{at: atDot, code: 552, text: "5.2.2 mailbox full"},
		{at: atRcpt, code: 552, text: "storage exceeded"},
		{at: atDot, code: 554, text: "5.6.0 spam"},
		{at: atRcpt, code: 550, text: "5.1.1 no such user"},
		{at: atRcpt, code: 550, text: "5.2.1 disabled"},
		{at: atRcpt, code: 550, text: "no such user here"},
		{at: atRcpt, code: 554, text: "5.5.0 transaction failed"},
	}
	if len(examples) != len(rules) {
		t.Fatalf("%d examples for %d lines", len(examples), len(rules))
	}
	for i := range examples {
		f, r := &examples[i], &rules[i]
		if got := ruleOf(f); got != r {
			t.Errorf("%d %s at %d is %q, want %q", f.code, f.text, f.at, got.what, r.what)
		}
		want := strings.TrimSpace(r.verdict(nil, 0).Verdict() + " " + r.reason)
		if got := verdict(classify(f)); f.code != 0 && got != want || !strings.HasPrefix(want, got) {
			t.Errorf("%d %s: %s, want %s", f.code, f.text, got, want)
		}
	}
	for at := atMail; at <= atDot; at++ {
		for code := 400; code < 600; code++ {
			if f := (&fault{at: at, code: code, text: "what"}); verdict(classify(f)) == "unknown" || !ruleOf(f).fits(f) {
				t.Fatalf("%d at %d has no line", code, at)
			}
		}
	}
}
