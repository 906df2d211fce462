package email

import (
	"context"
	"errors"
	"net"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// Lookup asks the DNS. [SystemLookup] is the machine's resolver. A name without such a record is an empty answer; an error
// says that nobody could be asked.
type Lookup struct {
	TXT func(ctx context.Context, name string) ([]string, error)
	MX  func(ctx context.Context, name string) ([]string, error)
}

// SystemLookup asks the resolver of the machine.
func SystemLookup() Lookup {
	none := func(err error) error {
		var dns *net.DNSError
		if errors.As(err, &dns) && dns.IsNotFound {
			return nil
		}
		return err
	}
	return Lookup{
		TXT: func(ctx context.Context, name string) ([]string, error) {
			found, err := net.DefaultResolver.LookupTXT(ctx, name)
			return found, none(err)
		},
		MX: func(ctx context.Context, name string) ([]string, error) {
			found, err := net.DefaultResolver.LookupMX(ctx, name)
			var out []string
			for _, x := range found {
				out = append(out, strings.TrimSuffix(x.Host, "."))
			}
			return out, none(err)
		},
	}
}

// States of an item of a checklist.
const (
	ItemOK       = "ok"
	ItemMissing  = "missing"  // it is not there, and owed
	ItemWrong    = "wrong"    // it is there and does not do
	ItemConfirm  = "confirm"  // it is there; whether it is right only a person can tell
	ItemOptional = "optional" // it is not there, and not owed
	ItemUnknown  = "unknown"  // it could not be looked up
)

// Item is one line of what a sender owes before receivers trust it.
type Item struct {
	Key     string // from_alignment, return_path, spf, dkim, dmarc, bounce_mx, bimi
	State   string
	Name    string   // DNS name; empty: no record
	Type    string   // TXT, MX
	Value   string   // of the record to set
	Found   []string // what is there
	Text    string
	TextJA  string
	Problem string // why it could not be looked up
}

// lookupTime is what the whole checklist may take.
const lookupTime = 10 * time.Second

// checking is a checklist being made.
type checking struct {
	ctx    context.Context
	lookup Lookup
	items  []Item
}

// Checklist looks up what the sender's domains say.
func (c *Channel) Checklist(ctx context.Context, lookup Lookup) []Item {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	k := &checking{ctx: ctx, lookup: lookup}
	back := c.domain
	if c.cfg.Bounce != "" {
		back = c.cfg.Bounce
	}
	k.alignment(c, back)
	k.spf(back, c.host)
	k.dkim(c)
	strict := k.dmarc(c.domain)
	k.mx(c, back)
	k.bimi(c.domain, strict)
	return k.items
}

func (k *checking) add(x Item) { k.items = append(k.items, x) }

// txt looks for the records that begin with a tag.
func (k *checking) txt(x *Item, tag string) bool {
	found, err := k.lookup.TXT(k.ctx, x.Name)
	if err != nil {
		x.State, x.Problem = ItemUnknown, err.Error()
		x.Text, x.TextJA = "Could not look up "+x.Name+": nothing is known about it.", x.Name+" を照会できませんでした。設定されているかどうかは分かりません。"
		return false
	}
	for _, s := range found {
		if strings.HasPrefix(strings.ToLower(strings.TrimSpace(s)), tag) {
			x.Found = append(x.Found, s)
		}
	}
	return true
}

// alignment needs no DNS: do the domains of signature and return path belong to that of From?
func (k *checking) alignment(c *Channel, back string) {
	x := Item{Key: "from_alignment", State: ItemOK, Found: []string{c.domain}}
	switch {
	case len(c.keys) == 0 && !Aligned(c.domain, back):
		x.State = ItemWrong
		x.Text = "Neither a DKIM key nor the return path (" + back + ") belongs to " + c.domain + ": DMARC will fail."
		x.TextJA = "DKIM の鍵も返送先（" + back + "）も " + c.domain + " のものではないため、DMARC に失敗します。"
	case len(c.keys) == 0:
		x.State = ItemConfirm
		x.Text = "Mail leaves unsigned. If your mail server signs, make sure that it does so as " + c.domain + "."
		x.TextJA = "メールは署名なしで送信しています。メールサーバーが署名する場合は、" + c.domain + " として署名しているか確かめてください。"
	default:
		x.Found = append(x.Found, "d="+c.keys[0].Domain)
		x.Text = "The signature (" + c.keys[0].Domain + ") belongs to the sender's domain."
		x.TextJA = "署名のドメイン（" + c.keys[0].Domain + "）は差出人のドメインと一致しています。"
	}
	k.add(x)
	x = Item{Key: "return_path", State: ItemOK, Found: []string{back}, Text: "The return path belongs to the sender's domain.", TextJA: "返送先は差出人のドメインと一致しています。"}
	switch {
	case c.cfg.Bounce == "":
		x.State = ItemMissing
		x.Text = "Bounces go to the sender's mailbox, where nobody counts them: set smtp.bounce."
		x.TextJA = "不達メールは差出人の受信箱に届くだけで、集計されません。smtp.bounce を設定してください。"
	case !Aligned(c.domain, back):
		x.State = ItemWrong
		x.Text = "The return path " + back + " does not belong to " + c.domain + ": SPF does not count for DMARC."
		x.TextJA = "返送先 " + back + " は " + c.domain + " のものではないため、SPF が DMARC の判定に使われません。"
	}
	k.add(x)
}

func (k *checking) spf(back, relay string) {
	mechanism := "a:" + relay
	if ip := net.ParseIP(relay); ip != nil {
		mechanism = "ip4:" + relay
		if ip.To4() == nil {
			mechanism = "ip6:" + relay
		}
	}
	x := Item{Key: "spf", Name: back, Type: "TXT", Value: "v=spf1 " + mechanism + " ~all"}
	if !k.txt(&x, "v=spf1") {
		k.add(x)
		return
	}
	switch terms := strings.Fields(strings.ToLower(strings.Join(x.Found, " "))); {
	case len(x.Found) == 0:
		x.State, x.Text, x.TextJA = ItemMissing, "No SPF record. Set one that names your mail server.", "SPF レコードがありません。メールサーバーを記したレコードを設定してください。"
	case len(x.Found) > 1:
		x.State, x.Text, x.TextJA = ItemWrong, "Two SPF records count as none: join them.", "SPF レコードが 2 つ以上あると無効になります。1 つにまとめてください。"
	case slices.Contains(terms, "+all") || slices.Contains(terms, "all"):
		x.State, x.Text, x.TextJA = ItemWrong, "The record lets everybody send in your name: end it with ~all or -all.", "このレコードでは誰でもこのドメインを名乗れます。末尾を ~all か -all にしてください。"
	case slices.Contains(terms, mechanism):
		x.State, x.Text, x.TextJA = ItemOK, "The record names your mail server.", "メールサーバーが記されています。"
	default:
		x.State = ItemConfirm
		x.Text = "There is a record. Make sure that it covers the addresses from which " + relay + " sends on."
		x.TextJA = "レコードがあります。" + relay + " の送信元アドレスが含まれているか確かめてください。"
	}
	k.add(x)
}

func (k *checking) dkim(c *Channel) {
	for i := range c.keys {
		name, value, err := c.keys[i].Record()
		if err != nil {
			continue // a key that was read has a public half
		}
		x := Item{Key: "dkim", Name: name, Type: "TXT", Value: value}
		if !k.txt(&x, "") {
			k.add(x)
			continue
		}
		x.State, x.Text, x.TextJA = ItemWrong, "The record is of another key: receivers will refuse the signature.", "別の鍵のレコードが設定されているため、署名は無効と判定されます。"
		switch {
		case len(x.Found) == 0:
			x.State, x.Text, x.TextJA = ItemMissing, "Set this record, or receivers cannot check the signature.", "このレコードを設定してください。ないと署名を検証できません。"
		case len(x.Found) == 1 && publicKey(x.Found[0]) == publicKey(value):
			x.State, x.Text, x.TextJA = ItemOK, "The record is that of our key.", "この鍵のレコードが設定されています。"
		}
		k.add(x)
	}
}

// publicKey is the tag p of a DKIM record.
func publicKey(record string) string {
	for tag := range strings.SplitSeq(record, ";") {
		if name, value, _ := strings.Cut(tag, "="); strings.TrimSpace(name) == "p" {
			return strings.Join(strings.Fields(value), "")
		}
	}
	return ""
}

// dmarc tells whether receivers are to act on failures.
func (k *checking) dmarc(domain string) (strict bool) {
	x := Item{Key: "dmarc", Name: "_dmarc." + domain, Type: "TXT", Value: "v=DMARC1; p=none; rua=mailto:dmarc@" + organisation(domain)}
	ok := k.txt(&x, "v=dmarc1")
	if org := organisation(domain); ok && len(x.Found) == 0 && org != domain {
		x.Name = "_dmarc." + org
		ok = k.txt(&x, "v=dmarc1")
	}
	if !ok {
		k.add(x)
		return false
	}
	if len(x.Found) != 1 {
		x.State, x.Text, x.TextJA = ItemMissing, "No DMARC record: Gmail and Yahoo! refuse mail to many people without one.", "DMARC レコードがありません。Gmail や Yahoo! は、これのない一斉配信を受け取りません。"
		if len(x.Found) > 1 {
			x.State, x.Text, x.TextJA = ItemWrong, "Two DMARC records count as none.", "DMARC レコードが 2 つ以上あると無効になります。1 つにしてください。"
		}
		k.add(x)
		return false
	}
	policy := ""
	for tag := range strings.SplitSeq(strings.ToLower(x.Found[0]), ";") {
		if name, value, _ := strings.Cut(tag, "="); strings.TrimSpace(name) == "p" {
			policy = strings.TrimSpace(value)
		}
	}
	switch policy {
	case "quarantine", "reject":
		strict = true
		x.State, x.Text, x.TextJA = ItemOK, "Failures are to be treated as "+policy+".", "なりすましは "+policy+" として扱われます。"
	case "none":
		x.State, x.Text, x.TextJA = ItemOK, "Failures are only reported (p=none); quarantine protects your name better.", "なりすましは報告だけされます（p=none）。quarantine にすると、より安全です。"
	default:
		x.State, x.Text, x.TextJA = ItemWrong, "The record has no policy: write p=none, p=quarantine or p=reject.", "方針がありません。p=none、p=quarantine、p=reject のどれかを書いてください。"
	}
	k.add(x)
	return strict
}

// mx looks whether mail that comes back finds a way.
func (k *checking) mx(c *Channel, back string) {
	if c.cfg.Bounce == "" {
		return // told by return_path
	}
	x := Item{Key: "bounce_mx", Name: back, Type: "MX", Value: "10 " + strings.TrimPrefix(c.cfg.Hello, ".")}
	if c.cfg.Hello == "" {
		x.Value = ""
	}
	found, err := k.lookup.MX(k.ctx, back)
	x.Found = found
	switch {
	case err != nil:
		x.State, x.Problem = ItemUnknown, err.Error()
		x.Text, x.TextJA = "Could not look up the MX of "+back+": nothing is known about it.", back+" の MX を照会できませんでした。設定されているかどうかは分かりません。"
	case len(found) == 0:
		x.State, x.Text, x.TextJA = ItemMissing, "No MX: bounces and complaints are lost. Point it to the server that takes them in.", "MX がないため、不達や苦情の通知を受け取れません。受信するサーバーを設定してください。"
	default:
		x.State, x.Text, x.TextJA = ItemConfirm, "There is an MX. Make sure that it leads to this server, or to one that pipes into enishi bounce.", "MX があります。このサーバー、または enishi bounce に渡すサーバーに届くか確かめてください。"
	}
	k.add(x)
}

// bimi is a logo beside the mail: nice, and only shown where DMARC is strict.
func (k *checking) bimi(domain string, strict bool) {
	x := Item{Key: "bimi", Name: "default._bimi." + domain, Type: "TXT", Value: "v=BIMI1; l=https://" + organisation(domain) + "/logo.svg; a="}
	if !k.txt(&x, "v=bimi1") {
		k.add(x)
		return
	}
	x.State, x.Text, x.TextJA = ItemOptional, "Optional: a logo beside your mail (BIMI).", "任意: メールの横にロゴを表示します（BIMI）。"
	switch {
	case len(x.Found) == 1 && strict:
		x.State, x.Text, x.TextJA = ItemOK, "The logo is announced.", "ロゴが設定されています。"
	case len(x.Found) == 1:
		x.State, x.Text, x.TextJA = ItemWrong, "The logo is shown only when DMARC says quarantine or reject.", "DMARC が quarantine か reject のときだけ、ロゴが表示されます。"
	}
	k.add(x)
}

// From is the sender as mails show it.
func (c *Channel) From() mail.Address { return *c.from }
