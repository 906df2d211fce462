package ingest

import (
	"errors"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"

	"enishi"
)

func TestNormaliseSuccess(t *testing.T) {
	t.Parallel()
	f := func(kind enishi.Kind, in, want string) {
		t.Helper()
		got, err := Normalise(kind, in)
		if err != nil || got != want {
			t.Errorf("Normalise(%s, %q) = %q, %v; want %q", kind, in, got, err, want)
		}
		if again, err := Normalise(kind, got); err != nil || again != got {
			t.Errorf("Normalise(%s, %q) again = %q, %v", kind, got, again, err)
		}
	}
	f(enishi.Email, " Hanako@Example.CO.JP ", "hanako@example.co.jp")
	f(enishi.Email, "ｈａｎａｋｏ＠ｅｘａｍｐｌｅ．ｊｐ", "hanako@example.jp")
	f(enishi.Email, "hana.ko+shop@gmail.com", "hana.ko+shop@gmail.com")
	f(enishi.Email, "hana..ko.@docomo.ne.jp", "hana..ko.@docomo.ne.jp")
	f(enishi.Email, "　hana@example.jp　", "hana@example.jp")
	f(enishi.Email, "花子@例え.jp", "花子@例え.jp")
	f(enishi.Email, "test@example.jp", "test@example.jp")
	f(enishi.Email, "", "")
	f(enishi.Email, "   ", "")

	f(enishi.Phone, "090-1234-5678", "+819012345678")
	f(enishi.Phone, "０９０ー１２３４ー５６７８", "+819012345678")
	f(enishi.Phone, "090—1234‐5678", "+819012345678")
	f(enishi.Phone, "090−1234−5678", "+819012345678")
	f(enishi.Phone, "(090) 1234 5678", "+819012345678")
	f(enishi.Phone, "+81 90-1234-5678", "+819012345678")
	f(enishi.Phone, "+81 (0)90-1234-5678", "+819012345678")
	f(enishi.Phone, "060-1234-5678", "+816012345678")
	f(enishi.Phone, "03-1234-5678", "+81312345678")
	f(enishi.Phone, "０３（１２３４）５６７８", "+81312345678")
	f(enishi.Phone, "050-1234-5678", "+815012345678")
	f(enishi.Phone, "+1 650 253 0000", "+16502530000")

	f(enishi.Customer, "  C-００１ ", "C-001")
	f(enishi.Customer, "abcDEF", "abcDEF")
	f(enishi.POSCard, "２９００１２３４", "29001234")
	f(enishi.LINEUser, "U0123456789abcdef0123456789abcdef", "U0123456789abcdef0123456789abcdef")
	f(enishi.Social, " 1234567 ", "1234567")
	f(enishi.PushToken, "ｆcm:Ab", "ｆcm:Ab")
	f(enishi.PushToken, `web:{"endpoint":"https://push.example/x","keys":{"auth":"a","p256dh":"b"}}`, "web:https://push.example/x")
	f(enishi.PushToken, "fcm:"+strings.Repeat("a", 300), "fcm:"+strings.Repeat("a", 300))
	f(enishi.Anonymous, "a-1", "a-1")
}

func TestNormaliseFailure(t *testing.T) {
	t.Parallel()
	f := func(kind enishi.Kind, in, code string) {
		t.Helper()
		got, err := Normalise(kind, in)
		var r *Refusal
		if !errors.As(err, &r) || r.Code != code || got != "" || r.Reason == "" || r.ReasonJA == "" {
			t.Errorf("Normalise(%s, %q) = %q, %v; want code %s", kind, in, got, err, code)
		}
	}
	for _, nobody := range []string{"0", "00", "-1", "0-0-0", "---", "null", "NULL", " undefined ", "anonymous", "n/a", "N/A", "NaN", "none",
		"[object Object]", "00000000-0000-0000-0000-000000000000", "ｎｕｌｌ", "０"} {
		for _, kind := range enishi.Kinds() {
			if kind == enishi.PushToken && strings.ContainsAny(nobody, "ｎ０") {
				continue // tokens are compared as they are
			}
			f(kind, nobody, CodeReserved)
		}
	}
	f(enishi.Email, "test@test.com", CodeReserved)
	f(enishi.Email, "TEST@test.co.jp", CodeReserved)
	f(enishi.Email, "null@example.jp", CodeReserved)
	f(enishi.Email, "hanako", CodeValue)
	f(enishi.Email, "@example.jp", CodeValue)
	f(enishi.Email, "a@b@example.jp", CodeValue)
	f(enishi.Email, "a@example", CodeValue)
	f(enishi.Email, "a@.jp", CodeValue)
	f(enishi.Email, "a@example.jp.", CodeValue)
	f(enishi.Email, "a@example..jp", CodeValue)
	f(enishi.Email, "a@example.jp,b@example.jp", CodeValue)
	f(enishi.Email, "Hanako <a@example.jp>", CodeValue)
	f(enishi.Email, "a b@example.jp", CodeValue)
	f(enishi.Email, "a\nb@example.jp", CodeValue)
	f(enishi.Email, strings.Repeat("a", 200)+"@example.jp", CodeValue)

	f(enishi.Phone, "000-0000-0000", CodeReserved)
	f(enishi.Phone, "090-0000-0000", CodeReserved)
	f(enishi.Phone, "0120-123-456", CodeReserved)
	f(enishi.Phone, "0800-123-4567", CodeReserved)
	f(enishi.Phone, "12345", CodeValue)
	f(enishi.Phone, "090-1234-567", CodeValue)
	f(enishi.Phone, "電話なし", CodeValue)
	f(enishi.Phone, "090-1234-5678 (home)", CodeValue)
	f(enishi.Phone, "+999 123 456 789", CodeValue)

	f(enishi.LINEUser, "U0123456789ABCDEF0123456789abcdef", CodeValue)
	f(enishi.LINEUser, "U0123", CodeValue)
	f(enishi.LINEUser, "C0123456789abcdef0123456789abcdef", CodeValue)
	f(enishi.Customer, "a\x00b", CodeValue)
	f(enishi.Customer, strings.Repeat("x", 201), CodeValue)
}

// The short way for mobile numbers gives what the library gives.
func TestNormalisePhoneEqualsLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`0[789]0[-ー ]?[0-9]{4}[-－]?[0-9]{4}`).Draw(t, "number")
		got, err := Normalise(enishi.Phone, number)
		if err != nil {
			var r *Refusal
			if !errors.As(err, &r) || r.Code != CodeReserved {
				t.Fatalf("Normalise(%q): %v", number, err)
			}
			return
		}
		n, err := phonenumbers.Parse(number, "JP")
		if err != nil || phonenumbers.Format(n, phonenumbers.E164) != got {
			t.Fatalf("Normalise(%q) = %q, which the library reads as %v (%v)", number, got, n, err)
		}
	})
}
