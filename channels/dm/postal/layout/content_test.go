package layout

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"enishi"
)

const short = `{"sender":{"name":"縁商店","postal_code":"150-0001","address":"東京都渋谷区神宮前1-2-3"},
"headline":"冬のセール","text":"1月15日まで全品2割引です。\nぜひお立ち寄りください。","coupon":{"title":"10%OFF"}}`

func byHand(block string) string {
	return `{"sender":{"name":"縁商店","postal_code":"150-0001","address":"東京都渋谷区神宮前1-2-3"},"faces":[{"name":"address","blocks":[{"kind":"address","x":10,"y":20,"w":80,"h":100},` + block + `]}]}`
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{short, byHand(`{"kind":"barcode","x":10,"y":134,"w":80,"h":4}`), byHand(`{"kind":"barcode","x":18,"y":125,"w":64,"h":3}`), byHand(`{"kind":"text","x":1,"y":1,"w":9,"h":9,"text":"あ","colour":"{{ brand.colour }}"}`), byHand(`{"kind":"image","x":-3,"y":-3,"w":106,"h":154,"image":"https://shop.example/a.png"}`)} {
		if err := CheckJSON([]byte(ok), false); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for content, want := range map[string]string{
		`{}`:                      "text: ",
		`{"sender":{"name":"x"}}`: "sender.address: ",
		strings.Replace(short, `"headline"`, `"headlin"`, 1):                                                                 "unknown field",
		`{"size":"b5",` + short[1:]:                                                                                          "size: ",
		`{"product":"yumail",` + short[1:]:                                                                                   "product: ",
		`{"direction":"up",` + short[1:]:                                                                                     "direction: ",
		`{"colour":"red",` + short[1:]:                                                                                       "colour: ",
		byHand(`{"kind":"text","x":95,"y":1,"w":9,"h":9,"text":"あ"}`):                                                        "faces[0].blocks[1].x: ",
		byHand(`{"kind":"text","x":1,"y":141,"w":9,"h":9,"text":"あ"}`):                                                       "faces[0].blocks[1].y: ",
		byHand(`{"kind":"text","x":1,"y":1,"w":9,"h":9,"text":"あ","size":5.5}`):                                              "faces[0].blocks[1].size: ",
		byHand(`{"kind":"qr","x":1,"y":1,"w":9,"h":9}`):                                                                      "QR below 12 mm",
		byHand(`{"kind":"barcode","x":5,"y":134,"w":80,"h":4}`):                                                              "nearer than 10 mm",
		byHand(`{"kind":"barcode","x":10,"y":136,"w":80,"h":4}`):                                                             "nearer than 10 mm",
		byHand(`{"kind":"barcode","x":10,"y":120,"w":80,"h":4}`):                                                             "blocks[0] (address) stands within 2 mm",
		byHand(`{"kind":"barcode","x":1,"y":1,"w":50,"h":4}`):                                                                "63.9 mm",
		byHand(`{"kind":"barcode","x":1,"y":1,"w":90,"h":4,"size":12}`):                                                      "8 to 11.5",
		byHand(`{"kind":"film","x":1,"y":1,"w":9,"h":9}`):                                                                    "faces[0].blocks[1].kind: ",
		byHand(`{"kind":"coupon","x":1,"y":1,"w":9,"h":9}`):                                                                  "coupon: ",
		byHand(`{"kind":"text","x":1,"y":1,"w":9,"h":9}`):                                                                    "faces[0].blocks[1].text: ",
		strings.Replace(byHand(`{"kind":"rule","x":1,"y":1,"w":9,"h":9}`), `"kind":"address","x"`, `"kind":"sender","x"`, 1): "no block of kind address",
		strings.Replace(byHand(`{"kind":"rule","x":1,"y":1,"w":9,"h":9}`), `"name":"address"`, `"name":"inside"`, 1):         "faces[0].name: ",
	} {
		err := CheckJSON([]byte(content), true)
		var e *enishi.Error
		if err == nil || !strings.Contains(err.Error(), want) || enishi.ErrorCode(err) != enishi.Invalid {
			t.Errorf("%s\n%v, want %q", content, err, want)
		} else if e = err.(*enishi.Error); e.MsgJA == "" {
			t.Errorf("%v has no Japanese", err)
		}
	}
}

func TestSenderMayBeTheAccounts(t *testing.T) {
	t.Parallel()
	c, err := Parse([]byte(`{"text":"セール"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckJSON([]byte(`{"text":"セール"}`), true); err != nil {
		t.Errorf("a template without a sender: %v", err)
	}
	if err := c.Check(true); err == nil || !strings.HasPrefix(err.Error(), "sender: ") {
		t.Errorf("a piece without a sender: %v", err)
	}
}

func TestLetterOfContent(t *testing.T) {
	t.Parallel()
	c, err := Parse([]byte(short))
	if err != nil {
		t.Fatal(err)
	}
	if letter, _ := c.Letter(); letter {
		t.Error("a sale is a letter")
	}
	c.Text = "{{ customer.full_name }}様"
	if letter, found := c.Letter(); !letter || len(found) != 1 || found[0].Place != "text" {
		t.Errorf("a name in the text: %v %+v", letter, found)
	}
	no := false
	c.IsLetter = &no
	if letter, found := c.Letter(); letter || len(found) != 1 {
		t.Error("the declaration does not go before")
	}
}

// TestMadeFacesPassTheCheck: what is laid out by itself keeps the rules for what is drawn by hand.
func TestMadeFacesPassTheCheck(t *testing.T) {
	t.Parallel()
	for _, s := range Sizes() {
		for _, direction := range []string{"vertical", "horizontal"} {
			c, err := Parse([]byte(short))
			if err != nil {
				t.Fatal(err)
			}
			c.Size, c.Direction = s.Name, direction
			c.Faces = c.made()
			if err := c.Check(true); err != nil {
				t.Errorf("%s %s: %v", s.Name, direction, err)
			}
		}
	}
}

// TestDocumentedContents checks and draws the examples of docs/postal.md.
func TestDocumentedContents(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../../docs/postal.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1)
	if len(examples) != 2 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, x := range examples {
		if err := CheckJSON(x[1], true); err != nil {
			t.Errorf("%s\n%v", x[1], err)
			continue
		}
		f, err := opened()
		if err != nil {
			continue
		}
		if _, err := PDF(io.Discard, f, of(piece(t, string(x[1]))), Options{}); err != nil {
			t.Errorf("%s\n%v", x[1], err)
		}
	}
}
