package ingest

import (
	"strings"
	"testing"
)

func TestEmailHint(t *testing.T) {
	t.Parallel()
	f := func(address, want string) {
		t.Helper()
		if got, ok := EmailHint(address); got != want || ok != (want != "") {
			t.Errorf("EmailHint(%q) = %q, %v; want %q", address, got, ok, want)
		}
	}
	for _, wrong := range []string{"gmial.com", "gnail.com", "gmai.com", "gmail.co", "gmail.con", "gmaill.com", "gamil.com", "gmail.cm", "gmail.co.jp", "gmail.jp", "gmail,com", "gmailcom", "GMIAL.COM", "ｇｍａｉｌ．ｃｏｎ", "gmail.com.", "gmail .com"} {
		f("hanako@"+wrong, "hanako@gmail.com")
	}
	for wrong, right := range map[string]string{"docom.ne.jp": "docomo.ne.jp", "docomo.ne.jo": "docomo.ne.jp", "docomo.co.jp": "docomo.ne.jp", "docmo.ne.jp": "docomo.ne.jp", "docomo,ne,jp": "docomo.ne.jp",
		"ezweb.ne.jo": "ezweb.ne.jp", "ezewb.ne.jp": "ezweb.ne.jp", "ezweb.co.jp": "ezweb.ne.jp", "sofbank.ne.jp": "softbank.ne.jp", "i.softbank.ne.jp": "i.softbank.jp", "isoftbank.jp": "i.softbank.jp",
		"yaho.co.jp": "yahoo.co.jp", "yahooo.co.jp": "yahoo.co.jp", "yahoo.ne.jp": "yahoo.co.jp", "iclould.com": "icloud.com", "icoud.com": "icloud.com", "hotmial.com": "hotmail.com", "outlok.jp": "outlook.jp"} {
		f("a@"+wrong, "a@"+right)
	}
	f("hana..ko.@docom.ne.jp", "hana..ko.@docomo.ne.jp")
	f("Hanako@gmial.com", "Hanako@gmail.com")
	for _, d := range append(append([]string{}, mailDomains[:]...), otherDomains[:]...) {
		f("a@"+d, "")
	}
	for _, right := range []string{"hana..ko.@docomo.ne.jp", "a@example.co.jp", "a@shop.example", "a@ocn.ne.jp", "a@odn.ne.jp", "a@x.y.z", "", "a", "@gmial.com", "a@", "a b@gmial.com", strings.Repeat("a", 300) + "@gmial.com"} {
		f(right, "")
	}
}

func FuzzEmailHint(f *testing.F) {
	for _, s := range []string{"a@gmial.com", "a@@gmail.com", "a@gmail,,com", "花@docomo.ne.jp", "a@.", "a@ｇｍａｉｌ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		hint, ok := EmailHint(s)
		if !ok {
			return
		}
		if again, twice := EmailHint(hint); twice {
			t.Errorf("%q: the hint %q has a hint of its own: %q", s, hint, again)
		}
	})
}
