package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mailsim "enishi/internal/sim/mail"
)

// postfix starts a real Postfix with a folder of its own. It passes one person's mail on to an inbox, what comes back to the
// intake, and bounces everybody else: nobody of load.example lives there.
func postfix(t *testing.T, inbox, intake string) (addr string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("Postfix is started by root only")
	}
	for _, program := range []string{"/usr/sbin/postfix", "/usr/bin/python3"} {
		if _, err := os.Stat(program); err != nil {
			t.Skipf("%s is not installed: make test-full installs it from Debian", program)
		}
	}
	dir, err := os.MkdirTemp("", "enishi-postfix-") // Postfix wants a path that its own user may walk
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, d := range []string{"etc", "spool", "data"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	addr = freePort(t)
	_, port, _ := net.SplitHostPort(addr)
	hop := func(a string) string { host, port, _ := net.SplitHostPort(a); return "smtp:[" + host + "]:" + port }
	files := map[string]string{
		"main.cf": `compatibility_level = 3.6
queue_directory = ` + dir + `/spool
data_directory = ` + dir + `/data
maillog_file_prefixes = ` + dir + `
maillog_file = ` + dir + `/log
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
myhostname = relay.load.example
mydestination = load.example
local_recipient_maps =
alias_maps =
bounce_queue_lifetime = 1h
transport_maps = inline:{ { ` + address(1) + ` = ` + hop(inbox) + ` }, { bounce.load.example = ` + hop(intake) + ` } }
`,
		"master.cf": port + ` inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
local unix - n n - - local
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("chown", "postfix", filepath.Join(dir, "data")).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v %s", err, out)
	}
	if out, err := exec.Command("/usr/sbin/postfix", "-c", filepath.Join(dir, "etc"), "start").CombinedOutput(); err != nil {
		t.Fatalf("start Postfix: %v %s", err, out)
	}
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("Postfix says:\n%s", text)
		}
		if out, err := exec.Command("/usr/sbin/postfix", "-c", filepath.Join(dir, "etc"), "stop").CombinedOutput(); err != nil {
			t.Errorf("stop Postfix: %v %s", err, out)
		}
	})
	return addr
}

// verifier is Debian's python3-dkim: it prints how each signature of a mail verifies by the records in a file.
const verifier = `
import sys, dkim
raw, records = open(sys.argv[1], "rb").read(), dict(l.split("\t") for l in open(sys.argv[2]).read().splitlines())
look = lambda name, timeout=5: records[name.decode().rstrip(".")].encode()
d = dkim.DKIM(raw)
print([d.verify(i, dnsfunc=look) for i in range(raw.split(b"\r\n\r\n")[0].count(b"DKIM-Signature:"))])
`

// TestPostfix: a mail that a real mail server passed on verifies by a program that shares no code with ours, and the bounce
// that this server writes about an unknown person suppresses the address.
func TestPostfix(t *testing.T) {
	if !full() {
		t.Skip("set ENISHI_FULL to run it (make test-full)")
	}
	needEngine(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inbox := mailsim.New(mailsim.Config{Keep: 100})
	go func() {
		if err := inbox.Serve(t.Context(), listener); err != nil {
			t.Error(err)
		}
	}()
	intake := freePort(t)
	relay := postfix(t, listener.Addr().String(), intake)
	x := openMailer(t, relay, 2, "ENISHI_MAIL_LISTEN="+intake)
	eventually(t, time.Minute, "the mail is passed on", func() error {
		if n := len(inbox.Mails()); n != 1 {
			return fmt.Errorf("%d mails", n)
		}
		return nil
	})
	dir := t.TempDir()
	var records strings.Builder
	for i := range x.keys {
		name, value, err := x.keys[i].Record()
		if err != nil {
			t.Fatal(err)
		}
		records.WriteString(name + "\t" + value + "\n")
	}
	raw := inbox.Mails()[0].Raw
	verify := func(raw []byte) string {
		t.Helper()
		mail, dns := filepath.Join(dir, "mail"), filepath.Join(dir, "dns")
		for path, text := range map[string][]byte{mail: raw, dns: []byte(records.String())} {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.Command("/usr/bin/python3", "-c", verifier, mail, dns).CombinedOutput()
		if strings.Contains(string(out), "No module named") {
			t.Skipf("Debian's python3-dkim is not installed: %s", out)
		}
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := verify(raw); got != "[True, True]" {
		t.Errorf("python3-dkim says %s of\n%s", got, raw)
	}
	if got := verify([]byte(strings.Replace(string(raw), "List-Unsubscribe: <", "List-Unsubscribe: <x", 1))); got != "[False, False]" {
		t.Errorf("python3-dkim says %s of a mail whose List-Unsubscribe was changed", got)
	}
	x.becomes(t, []string{address(0)}, []string{})
}
