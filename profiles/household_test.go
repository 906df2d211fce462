package profiles

import (
	"testing"
	"time"

	"enishi"
)

// address is traits of a postal address.
func address(family, zip, prefecture, city, address1, address2 string) map[string]enishi.Value {
	out := map[string]enishi.Value{}
	for name, text := range map[string]string{"family_name": family, "postal_code": zip, "prefecture": prefecture, "city": city, "address1": address1, "address2": address2} {
		if text != "" {
			out[name] = enishi.TextValue(text)
		}
	}
	return out
}

func householdOf(traits map[string]enishi.Value) string {
	return (&View{Traits: traits}).household()
}

func TestHouseholdOneAddress(t *testing.T) {
	want := householdOf(address("山田", "150-0001", "東京都", "渋谷区", "神宮前1-2-3", "縁ハイツ101"))
	if len(want) != 16 {
		t.Fatalf("key of %d bytes", len(want))
	}
	f := func(traits map[string]enishi.Value) {
		t.Helper()
		if got := householdOf(traits); got != want {
			t.Errorf("another household: %v", traits)
		}
	}
	f(address("山田", "1500001", "", "渋谷区", "神宮前１丁目２番３号", "縁ハイツ 101号室"))
	f(address("山田", "１５０－０００１", "東京都", "渋谷区", "神宮前一丁目２番地３", "縁はいつ１０１"))
	f(address("山田 ", "〒150-0001", "東京都", "渋谷区神宮前", "1ー2−3", "縁ﾊｲﾂ　101"))
	f(address("山田", "150-0001", "東京都", "渋谷区", "神宮前1の2の3", "縁ハイツ101号"))
	f(address("山田", "150-0001", "東京都", "渋谷区", "神宮前1-2-3縁ハイツ101", ""))
}

func TestHouseholdAnother(t *testing.T) {
	of := householdOf(address("山田", "150-0001", "東京都", "渋谷区", "神宮前1-2-3", "縁ハイツ101"))
	f := func(traits map[string]enishi.Value) {
		t.Helper()
		if householdOf(traits) == of {
			t.Errorf("the same household: %v", traits)
		}
	}
	f(address("佐藤", "150-0001", "東京都", "渋谷区", "神宮前1-2-3", "縁ハイツ101"))
	f(address("山田", "150-0001", "東京都", "渋谷区", "神宮前1-2-3", "縁ハイツ102"))
	f(address("山田", "150-0001", "東京都", "渋谷区", "神宮前1-2-31", "縁ハイツ01"))
	f(address("山田", "150-0002", "東京都", "渋谷区", "神宮前1-2-3", "縁ハイツ101"))
	f(address("山田", "150-0001", "東京都", "渋谷区", "神宮前12-3", "縁ハイツ101"))
	f(address("山田", "150-0001", "東京都", "渋谷区", "神宮前1-2-3", "101"))
}

func TestHouseholdNone(t *testing.T) {
	f := func(traits map[string]enishi.Value) {
		t.Helper()
		if key := householdOf(traits); key != "" {
			t.Errorf("a household of %v", traits)
		}
	}
	f(nil)
	f(address("山田", "150-0001", "東京都", "渋谷区", "", "")) // without a street
	f(address("", "150-0001", "東京都", "渋谷区", "神宮前1-2-3", ""))
	f(address("山田", "", "", "", "神宮前1-2-3", ""))
}

func TestAddressKey(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := addressKey(in); got != want {
			t.Errorf("addressKey(%q) = %q, want %q", in, got, want)
		}
	}
	f("二十一丁目3番地の4", "21-3-4")
	f("十丁目", "10")
	f("百人町1-1", "百人町1-1")
	f("三番町５番６", "三番町5-6")
	f("霞ヶ関", "霞ケ関")
	f("ハイツー", "ハイツー") // a long vowel is no dash
	f("1-2号-3", "1-2-3")
	f("", "")
}

// A household follows the traits, whichever subject told them last.
func TestHouseholdFollowsTraits(t *testing.T) {
	p := New(enishi.ID{1})
	event := func(n byte, traits map[string]enishi.Value) {
		e := &enishi.Event{ID: enishi.ID{9, n}, Type: "person.identified", Subject: enishi.ID{1}, At: at(time.Duration(n) * time.Hour), Time: at(time.Duration(n) * time.Hour), Person: &enishi.Person{Traits: traits}}
		if _, fresh := p.Apply(e, e.Time); !fresh {
			t.Fatal("not folded")
		}
	}
	event(1, address("山田", "150-0001", "東京都", "渋谷区", "神宮前1-2-3", ""))
	first := p.View().household()
	event(2, address("", "", "", "", "神宮前1-2-4", ""))
	if second := p.View().household(); first == "" || second == "" || first == second {
		t.Errorf("households %x and %x after a move", first, second)
	}
}
