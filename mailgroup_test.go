package enishi

import (
	"slices"
	"testing"
)

func TestMailGroup(t *testing.T) {
	t.Parallel()
	f := func(address, want string) {
		t.Helper()
		if got := MailGroup(address); got != want {
			t.Errorf("%s is received by %s, want %s", address, got, want)
		}
	}
	f("a..b@DOCOMO.ne.jp", "docomo")
	f(`"a@b"@ezweb.ne.jp`, "au")
	f("hanako@t.vodafone.ne.jp", "softbank")
	f("hanako@ymobile.ne.jp", "softbank")
	f("yahoo.co.jp", "yahoo_jp")
	f("hanako@GoogleMail.com", "gmail")
	f("hanako@icloud.com", "icloud")
	f("hanako@hotmail.co.jp", "outlook")
	f("hanako@notgmail.com", MailOther)
	f("hanako@gmail.com.example.jp", MailOther)
	f("", MailOther)
	if all := MailGroups(); len(all) != len(mailGroups)+1 || all[len(all)-1] != MailOther || !slices.Contains(all, MailGroup("a@au.com")) {
		t.Errorf("groups are %v", all)
	}
}
