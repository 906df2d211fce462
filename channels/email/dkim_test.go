package email

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"enishi"
	mailsim "enishi/internal/sim/mail"
)

// verify checks the signatures of a mail by the records of its keys; it gives the domains that hold.
func verify(t *testing.T, keys []Key, raw []byte) (hold []string) {
	t.Helper()
	records := map[string]string{}
	for i := range keys {
		name, value, err := keys[i].Record()
		if err != nil {
			t.Fatal(err)
		}
		records[name] = value
	}
	found, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) { return []string{records[name]}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		if v.Err == nil {
			hold = append(hold, v.Domain)
		}
	}
	return hold
}

// TestSigned: what arrives carries a signature of each key that holds, the longest fields included, and none once
// somebody on the way changed the text, a field, or added another one that a mail program would show or obey.
func TestSigned(t *testing.T) {
	t.Parallel()
	keys, err := GenerateKeys(t.TempDir(), "hana.example", "s1")
	if err != nil {
		t.Fatal(err)
	}
	s := relay(t, mailsim.Config{})
	c := account(t, s, func(c *Config) { c.DKIM = keys })
	m := letter(1)
	if _, err := c.Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	raw := string(s.Mails()[0].Raw)
	if got := verify(t, keys, []byte(raw)); len(got) != 2 || got[0] != "hana.example" || got[1] != got[0] {
		t.Fatalf("signatures that hold: %v in\n%s", got, raw)
	}
	for _, line := range strings.Split(raw[:strings.Index(raw, "\r\n\r\n")], "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d characters", len(line))
		}
	}
	for name, forged := range map[string]string{
		"text":         strings.Replace(raw, "5pys5paH44Gn44GZ44CC", "5pys5paH44Gn44GZ44CB", 1),
		"unsubscribe":  strings.Replace(raw, "/u/A", "/u/B", 1),
		"one-click":    strings.Replace(raw, "List-Unsubscribe-Post: List", "List-Unsubscribe-Post: Lost", 1),
		"another From": "From: bank@example.com\r\n" + raw,
		"another list": "List-Unsubscribe: <https://evil.example/>\r\n" + raw,
		"another name": strings.Replace(raw, "\r\nTo: ", "\r\nSubject: win\r\nTo: ", 1),
	} {
		if forged == raw {
			t.Fatalf("%s: nothing was changed", name)
		}
		if got := verify(t, keys, []byte(forged)); len(got) > 0 {
			t.Errorf("%s: holds for %v", name, got)
		}
	}
}

// TestKeys: keys are kept, read as other programs wrote them, and sign only for their organisation.
func TestKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := GenerateKeys(dir, "Shop.Example.", "s1")
	if err != nil {
		t.Fatal(err)
	}
	again, err := GenerateKeys(dir, "shop.example", "s1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range first {
		name, value, _ := first[i].Record()
		if _, second, _ := again[i].Record(); second != value {
			t.Errorf("%s was made anew", name)
		}
	}
	if name, value, _ := first[0].Record(); name != "s1-rsa._domainkey.shop.example" || !strings.HasPrefix(value, "v=DKIM1; k=rsa; p=MII") {
		t.Errorf("record %s %s", name, value)
	}
	if name, value, _ := first[1].Record(); name != "s1-ed._domainkey.shop.example" || len(value) != len("v=DKIM1; k=ed25519; p=")+44 {
		t.Errorf("record %s %s", name, value)
	}
	if info, err := os.Stat(filepath.Join(dir, "s1-rsa._domainkey.shop.example.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	read, err := ReadKeys(dir)
	if err != nil || len(read) != 2 {
		t.Fatal(read, err)
	}
	for domain, n := range map[string]int{"shop.example": 2, "news.shop.example": 2, "shop.example.com": 0, "xshop.example": 0} {
		if got := keysFor(read, domain); len(got) != n {
			t.Errorf("%s: %d keys, want %d", domain, len(got), n)
		}
	}
	if _, err := New(Config{Addr: "127.0.0.1:25", From: "a@other.example", DKIM: read}); enishi.ErrorCode(err) != enishi.Invalid {
		t.Errorf("a sender without a key of its own: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad._domainkey.shop.example.pem"), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKeys(dir); enishi.ErrorCode(err) != enishi.Invalid {
		t.Errorf("a broken key: %v", err)
	}
	if _, err := ReadKeys(t.TempDir()); enishi.ErrorCode(err) != enishi.Invalid {
		t.Errorf("no key: %v", err)
	}
	if _, err := GenerateKeys(dir, "shop/../example", "s1"); enishi.ErrorCode(err) != enishi.Invalid {
		t.Errorf("a name that leaves the folder: %v", err)
	}
}
