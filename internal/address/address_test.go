package address

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"enishi"
)

const utf = `13113,"150  ","1500001","トウキョウト","シブヤク","ジングウマエ","東京都","渋谷区","神宮前",0,0,1,0,0,0
13113,"150  ","1500000","トウキョウト","シブヤク","イカニケイサイガナイバアイ","東京都","渋谷区","以下に掲載がない場合",0,0,0,0,0,0
13101,"100  ","1000013","トウキョウト","チヨダク","カスミガセキ（ツギノビルヲノゾク）","東京都","千代田区","霞が関（次のビルを除く）",0,0,1,0,0,0
12203,"272  ","2720021","チバケン","イチカワシ","ヤワタ","千葉県","市川市","八幡",0,0,1,0,0,0
01101,"064  ","0640804","ホッカイドウ","サッポロシチュウオウク","ミナミ4ジョウニシ","北海道","札幌市中央区","南四条西（２０〜３０丁目）",1,0,1,0,0,0
25443,"52203","5220317","シガケン","イヌカミグンタガチョウ","イチエン","滋賀県","犬上郡多賀町","一円",0,0,0,0,0,0
26104,"604  ","6048091","キョウトフ","キョウトシナカギョウク","シモホンノウジマエチョウ","京都府","京都市中京区","下本能寺前町",0,0,0,0,0,0
14382,"25003","2500311","カナガワケン","アシガラシモグンハコネマチ","ユモト","神奈川県","足柄下郡箱根町","湯本",0,0,0,0,0,0
`

func table(t testing.TB) *Table {
	t.Helper()
	x, err := ParseTable(strings.NewReader(utf))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func sjis(t *testing.T, s string) []byte {
	t.Helper()
	b, err := japanese.ShiftJIS.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTableReadsJapanPostsFiles(t *testing.T) {
	t.Parallel()
	x := table(t)
	if got := x.Lookup("1500001"); len(got) != 1 || got[0].City != "渋谷区" || got[0].Town != "神宮前" {
		t.Fatalf("1500001 = %+v", got)
	}
	for zip, town := range map[string]string{"1500000": "", "1000013": "霞が関", "5220317": "一円", "0640804": "南四条西"} {
		if got := x.Lookup(zip); len(got) != 1 || got[0].Town != town {
			t.Errorf("%s = %+v, want the town %q", zip, got, town)
		}
	}
	if x.Lookup("9999999") != nil || x.Lookup("15000") != nil || (*Table)(nil).Lookup("1500001") != nil {
		t.Error("a code that is none has a place")
	}
	// KEN_ALL: CP932, half-width kana, a town in three rows.
	ken := "01224,\"066  \",\"0660005\",\"ﾎｯｶｲﾄﾞｳ\",\"ﾁﾄｾｼ\",\"ｷｮｳﾜ(88-2､271-10､\",\"北海道\",\"千歳市\",\"協和（８８−２、２７１−１０、\",1,0,0,0,0,0\r\n" +
		"01224,\"066  \",\"0660005\",\"ﾎｯｶｲﾄﾞｳ\",\"ﾁﾄｾｼ\",\"343-2､404-1､\",\"北海道\",\"千歳市\",\"３４３−２、４０４−１、\",1,0,0,0,0,0\r\n" +
		"01224,\"066  \",\"0660005\",\"ﾎｯｶｲﾄﾞｳ\",\"ﾁﾄｾｼ\",\"1426-1)\",\"北海道\",\"千歳市\",\"１４２６−１番地）\",1,0,0,0,0,0\r\n"
	ken = strings.ReplaceAll(ken, "−", "－")
	office := "13101,\"ｶﾌﾞｼｷｶｲｼﾔ\",\"エニシ株式会社\",\"東京都\",\"千代田区\",\"霞が関\",\"１丁目２−３\",\"1008799\",\"100  \",\"銀座\",0,0,0\r\n" +
		"13101,\"ｼｼﾖﾊﾞｺ\",\"縁商店\",\"東京都\",\"千代田区\",\"霞が関\",\"私書箱第７号\",\"1008691\",\"100  \",\"銀座\",1,0,0\r\n"
	office = strings.ReplaceAll(office, "−", "－")
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	for name, text := range map[string]string{"KEN_ALL.CSV": ken, "JIGYOSYO.CSV": office} {
		f, _ := w.Create(name)
		f.Write(sjis(t, text))
	}
	w.Close()
	x, err := ParseTable(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if got := x.Lookup("0660005"); len(got) != 1 || got[0].Town != "協和" {
		t.Errorf("the town in three rows = %+v", got)
	}
	if got := x.Lookup("1008799"); len(got) != 1 || got[0].Office != "エニシ株式会社" || got[0].POBox || got[0].Block != "1丁目2-3" {
		t.Errorf("the office = %+v", got)
	}
	if got := x.Lookup("1008691"); len(got) != 1 || !got[0].POBox {
		t.Errorf("the box = %+v", got)
	}
	again, err := Of(x.All())
	if err != nil || !slices.Equal(slices.Collect(x.All()), slices.Collect(again.All())) {
		t.Errorf("kept and read again: %v", err)
	}
}

func TestTableNamesTheBadLine(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]struct{ text, want string }{
		"columns":    {utf + "a,b,c\n", "line 9: 3 columns"},
		"zip":        {strings.Replace(utf, `"1500000"`, `"15000"`, 1), "line 2: the postal code"},
		"prefecture": {strings.Replace(utf, `"滋賀県"`, `"志賀県"`, 1), "line 6: "},
		"open town":  {`01224,"066  ","0660005","a","b","c","北海道","千歳市","協和（８８−２、",1,0,0,0,0,0`, "line 1: the town's bracket"},
		"empty":      {"", "no postal code in it"},
		"zip file":   {"PK\x03\x04nothing", "the zip file is damaged"},
	} {
		_, err := ParseTable(strings.NewReader(f.text))
		var e *enishi.Error
		if !errors.As(err, &e) || !strings.Contains(e.Msg, f.want) || e.MsgJA == "" {
			t.Errorf("%s: %v, want %q", name, err, f.want)
		}
	}
}

func at(zip, prefecture, city, line1, line2 string) enishi.Address {
	return enishi.Address{Name: "佐藤 花子", PostalCode: zip, Prefecture: prefecture, City: city, Address1: line1, Address2: line2}
}

func TestNormaliseParts(t *testing.T) {
	t.Parallel()
	x := table(t)
	for _, f := range []struct {
		a                                       enishi.Address
		pref, city, town, block, building, room string
	}{
		{at("150-0001", "東京都", "渋谷区", "神宮前1-2-3", ""), "東京都", "渋谷区", "神宮前", "1-2-3", "", ""},
		{at("〒１５０−０００１", "東京", "渋谷区", "神宮前１丁目２番３号", "コーポ桜５０１号室"), "東京都", "渋谷区", "神宮前", "1-2-3", "コーポ桜", "501"},
		{at("1500001", "", "", "東京都渋谷区神宮前一丁目二番三号コーポ桜 501", ""), "東京都", "渋谷区", "神宮前", "1-2-3", "コーポ桜", "501"},
		{at("1500001", "Tōkyō", "渋谷区", "神宮前", "1-2-3-501"), "東京都", "渋谷区", "神宮前", "1-2-3", "", "501"},
		{at("1500001", "JP-13", "東京都渋谷区", "渋谷区神宮前1ー2ー3", "501"), "東京都", "渋谷区", "神宮前", "1-2-3", "", "501"},
		{at("", "東京都", "渋谷区", "〒150-0001 神宮前1-2", ""), "東京都", "渋谷区", "神宮前", "1-2", "", ""},
		{at("1500001", "東京都", "渋谷区神宮前", "1丁目2の3", "ビル5階"), "東京都", "渋谷区", "神宮前", "1-2-3", "ビル", "5F"},
		{at("0640804", "北海道", "札幌市中央区", "南4条西29丁目1524番地23", ""), "北海道", "札幌市中央区", "南4条西", "29-1524-23", "", ""},
		{at("6048091", "", "京都市中京区", "寺町通御池上る下本能寺前町488番地", ""), "", "京都市中京区", "寺町通御池上る下本能寺前町", "488", "", ""},
		{at("2720021", "千葉県", "", "市川市八幡1-1-1", ""), "千葉県", "市川市", "八幡", "1-1-1", "", ""},
		{at("2500311", "神奈川県", "", "足柄下郡箱根町湯本256番地の1", ""), "神奈川県", "足柄下郡箱根町", "湯本", "256-1", "", ""},
		{at("1060032", "東京都", "港区", "六本木三丁目2-1", "住友タワー 32F"), "東京都", "港区", "六本木", "3-2-1", "住友タワー", "32F"},
		{at("1020085", "東京都", "千代田区", "六番町15-2", ""), "東京都", "千代田区", "六番町", "15-2", "", ""},
		{at("1040032", "東京都", "中央区", "八丁堀2-3-4", "B棟B604"), "東京都", "中央区", "八丁堀", "2-3-4", "B棟", "B604"},
		{at("1060045", "東京都", "港区", "麻布十番5-28-19", ""), "東京都", "港区", "麻布十番", "5-28-19", "", ""},
		{at("1060045", "東京都", "港区", "麻布十番一丁目二番3号", ""), "東京都", "港区", "麻布十番", "1-2-3", "", ""},
		{at("1540004", "東京都", "世田谷区", "太子堂二丁目十番5号", ""), "東京都", "世田谷区", "太子堂", "2-10-5", "", ""},
		{at("5900078", "大阪府", "堺市堺区", "南瓦町3番1号", ""), "大阪府", "堺市堺区", "南瓦町", "3-1", "", ""},
		{at("1000001", "", "", "神奈川県横浜市中区山下町１ 番地", ""), "神奈川県", "横浜市中区", "山下町", "1", "", ""},
		{at("1000001", "", "", "宮城県仙台市青葉区国分町3-7-1 コーポ501 佐藤方", ""), "宮城県", "仙台市青葉区", "国分町", "3-7-1", "コーポ", "501"},
		{at("1000001", "", "", "愛知県名古屋市中区三の丸3丁目1-2", ""), "愛知県", "名古屋市中区", "三の丸", "3-1-2", "", ""},
		{at("1000001", "", "", "東京都新宿区西新宿2-8-1都庁第一本庁舎", ""), "東京都", "新宿区", "西新宿", "2-8-1", "都庁第一本庁舎", ""},
		{at("1000001", "", "", "奈良県大和郡山市北郡山町248-4", ""), "奈良県", "大和郡山市", "北郡山町", "248-4", "", ""},
		{at("1000001", "", "", "広島県安芸郡府中町大通3丁目5-1", ""), "広島県", "安芸郡府中町", "大通", "3-5-1", "", ""},
		{at("1000001", "", "", "東京都港区芝公園4丁目2-8 A棟 1203号室", ""), "東京都", "港区", "芝公園", "4-2-8", "A棟", "1203"},
		{at("1000001", "", "", "石川県金沢市広坂1-1-1-1004", ""), "石川県", "金沢市", "広坂", "1-1-1", "", "1004"},
		{at("9860000", "宮城県", "石巻市", "字大街道三十五番地", ""), "宮城県", "石巻市", "字大街道", "35", "", ""},
	} {
		n := Normalise(f.a, x)
		got := [6]string{n.Prefecture, n.City, n.Town, n.Block, n.Building, n.Room}
		if want := [6]string{f.pref, f.city, f.town, f.block, f.building, f.room}; got != want {
			t.Errorf("%+v\n got %q\nwant %q", f.a, got, want)
		}
		same(t, n)
	}
	n := Normalise(at("1508799", "東京都", "渋谷区", "渋谷郵便局私書箱第12号", ""), x)
	if n.POBox != "12" || slices.ContainsFunc(n.Problems, func(p Problem) bool { return p.Code == "number.missing" }) {
		t.Errorf("a box = %+v", n)
	}
	if n := Normalise(at("1500001", "東京都", "渋谷区", "渋谷郵便局留", ""), x); !n.AtOffice || !n.OK() {
		t.Errorf("kept at the office = %+v", n)
	}
}

func TestNormaliseProblems(t *testing.T) {
	t.Parallel()
	x := table(t)
	good := at("1500001", "東京都", "渋谷区", "神宮前1-2-3", "")
	with := func(f func(a *enishi.Address)) enishi.Address { a := good; f(&a); return a }
	for name, f := range map[string]struct {
		a              enishi.Address
		code, field    string
		suggest        string
		error, noTable bool
	}{
		"none":            {a: good},
		"zip missing":     {with(func(a *enishi.Address) { a.PostalCode = "" }), "zip.missing", "postal_code", "1500001", true, false},
		"zip form":        {with(func(a *enishi.Address) { a.PostalCode = "150-001" }), "zip.form", "postal_code", "1500001", true, false},
		"zip unknown":     {with(func(a *enishi.Address) { a.PostalCode = "1500002" }), "zip.unknown", "postal_code", "1500001", true, false},
		"zip of another":  {with(func(a *enishi.Address) { a.PostalCode = "2720021" }), "zip.disagrees", "postal_code", "1500001", true, false},
		"no prefecture":   {with(func(a *enishi.Address) { a.Prefecture = "" }), "prefecture.missing", "prefecture", "東京都", true, false},
		"odd prefecture":  {with(func(a *enishi.Address) { a.Prefecture = "江戸" }), "prefecture.unknown", "prefecture", "東京都", true, false},
		"no city":         {with(func(a *enishi.Address) { a.City = "" }), "city.missing", "city", "渋谷区", true, false},
		"no number":       {with(func(a *enishi.Address) { a.Address1 = "神宮前" }), "number.missing", "address1", "", true, true},
		"no name":         {with(func(a *enishi.Address) { a.Name = "" }), "name.missing", "name", "", true, true},
		"foreign":         {with(func(a *enishi.Address) { a.Country = "US" }), "foreign", "country", "", true, true},
		"foreign by text": {enishi.Address{Name: "J. Doe", PostalCode: "94103", City: "San Francisco", Address1: "1 Market St"}, "foreign", "country", "", true, true},
		"romaji":          {enishi.Address{Name: "佐藤", PostalCode: "150-0001", Prefecture: "Tokyo", City: "Shibuya-ku", Address1: "Jingumae 1-2-3"}, "romaji", "address1", "", true, true},
		"outside CP932":   {with(func(a *enishi.Address) { a.Name = "𠮷田 一郎" }), "encoding.cp932", "name", "吉田 一郎", true, true},
		"extension":       {with(func(a *enishi.Address) { a.Name = "髙橋 﨑子" }), "encoding.ext", "name", "", false, true},
		"emoji":           {with(func(a *enishi.Address) { a.Name = "花子🌸" }), "emoji", "name", "花子", true, true},
		"double":          {with(func(a *enishi.Address) { a.Name, a.Honorific = "佐藤花子様", "殿" }), "honorific.double", "name", "佐藤花子", false, true},
		"company 御中":      {with(func(a *enishi.Address) { a.Company = "縁商店 御中" }), "honorific.double", "company", "縁商店", false, true},
		"too long":        {with(func(a *enishi.Address) { a.Address2 = strings.Repeat("長", 40) }), "too_long", "address2", "", false, true},
	} {
		tab := x
		if f.noTable {
			tab = nil
		}
		n := Normalise(f.a, tab)
		i := slices.IndexFunc(n.Problems, func(p Problem) bool { return p.Code == f.code })
		if f.code == "" {
			if len(n.Problems) > 0 || !n.OK() {
				t.Errorf("%s: %+v", name, n.Problems)
			}
			continue
		}
		if i < 0 {
			t.Errorf("%s: %q is not among %+v", name, f.code, n.Problems)
			continue
		}
		p := n.Problems[i]
		if p.Field != f.field || f.suggest != "" && p.Suggest != f.suggest || (p.Severity == SeverityError) != f.error || p.Text.JA == "" || p.Text.EN == "" || p.Fix.JA == "" || p.Fix.EN == "" {
			t.Errorf("%s: %+v", name, p)
		}
		if !f.error && !n.OK() || f.error && n.Err() == nil {
			t.Errorf("%s: OK = %v, Err = %v", name, n.OK(), n.Err())
		}
	}
	if n := Normalise(with(func(a *enishi.Address) { a.Company, a.Name = "縁商店", "" }), x); n.Honorific != "御中" {
		t.Errorf("a company without a person is %q", n.Honorific)
	}
	if n := Normalise(with(func(a *enishi.Address) { a.Address1 = "神宮前 番地なし" }), x); !n.OK() {
		t.Errorf("番地なし: %+v", n.Problems)
	}
}

func TestKeyIsOneForAllWritings(t *testing.T) {
	t.Parallel()
	for _, group := range [][]enishi.Address{
		{at("150-0001", "東京都", "渋谷区", "神宮前1-2-3", "コーポ桜501号室"), at("1500001", "東京都", "渋谷区", "神宮前１丁目２番３号", "コーポ桜 501"), at("〒150-0001", "", "", "東京都渋谷区神宮前一丁目2番地3-501", ""),
			at("1500001", "東京", "渋谷区", "神宮前", "1丁目2-3-501"), at("1500001", "東京都", "渋谷区", "神宮前1−2−3−501", "")},
		{at("1000013", "東京都", "千代田区", "霞ヶ関1-3-2", ""), at("1000013", "東京都", "千代田区", "霞が関一丁目3番2号", ""), at("1000013", "東京都", "千代田区", "霞ケ関１の３の２", "")},
		{at("9860000", "宮城県", "石巻市", "大字大街道字北35番地", ""), at("9860000", "宮城県", "石巻市", "大街道北35", "")},
	} {
		want := Key(group[0])
		for _, a := range group {
			if got := Key(a); got != want || got == 0 {
				t.Errorf("Key(%+v) = %d, want %d", a, got, want)
			}
			a.Name = "別人"
			if Key(a) != want {
				t.Error("the key is of the place, not of the person")
			}
		}
	}
	if Key(at("1500001", "東京都", "渋谷区", "神宮前1-2-3", "501")) == Key(at("1500001", "東京都", "渋谷区", "神宮前1-2-3", "502")) {
		t.Error("two rooms are one place")
	}
	if Key(enishi.Address{PostalCode: "1500001"}) != 0 || Key(enishi.Address{}) != 0 {
		t.Error("a postal code alone is a place")
	}
}

func TestHousehold(t *testing.T) {
	t.Parallel()
	n := Normalise(at("1500001", "東京都", "渋谷区", "神宮前1-2-3", "501"), nil)
	m := Normalise(at("1500001", "東京都", "渋谷区", "神宮前１丁目２番３号", "コーポ桜501号室"), nil)
	for _, pair := range [][2]string{{"髙橋", "高橋"}, {"渡邉", "渡辺"}, {"渡邊", "渡辺"}, {"齋藤", "斉藤"}, {"澤田", "沢田"}, {"山﨑", "山崎"}} {
		if x, y := Household(n, pair[0]), Household(m, pair[1]); x != y || x == "" {
			t.Errorf("%s %q, %s %q", pair[0], x, pair[1], y)
		}
	}
	if Household(n, "佐藤") == Household(n, "鈴木") || Household(n, "") != "" {
		t.Error("who is not known to share a box shares it")
	}
}

// written draws a way to write the same address.
func written(t *rapid.T, pref, city, town string, nums [3]int, room int) enishi.Address {
	wide := rapid.Bool().Draw(t, "wide")
	number := func(n int) string {
		s := fmt.Sprint(n)
		if wide {
			s = strings.Map(func(r rune) rune { return r - '0' + '０' }, s)
		}
		return s
	}
	h := rapid.SampledFrom([]string{"-", "－", "−", "‐", "–", "ー", "の"}).Draw(t, "hyphen")
	block := number(nums[0]) + h + number(nums[1]) + h + number(nums[2])
	if rapid.Bool().Draw(t, "units") {
		block = number(nums[0]) + "丁目" + number(nums[1]) + rapid.SampledFrom([]string{"番", "番地", "番地の"}).Draw(t, "ban") + number(nums[2]) + rapid.SampledFrom([]string{"号", ""}).Draw(t, "go")
	}
	rooms := ""
	if room > 0 {
		rooms = rapid.SampledFrom([]string{"", "コーポ桜", "桜ビル ", "第2桜荘 "}).Draw(t, "building") + number(room) + rapid.SampledFrom([]string{"", "号室"}).Draw(t, "room")
	}
	a := enishi.Address{Name: "佐藤", PostalCode: rapid.SampledFrom([]string{"1500001", "150-0001", "〒１５０－０００１"}).Draw(t, "zip")}
	switch rapid.IntRange(0, 3).Draw(t, "fields") {
	case 0:
		a.Prefecture, a.City, a.Address1, a.Address2 = pref, city, town+block, rooms
	case 1:
		a.Prefecture, a.City, a.Address1 = pref, city, strings.TrimSpace(town+block+" "+rooms)
	case 2:
		a.Address1, a.Address2 = pref+city+town+block, rooms
	default:
		a.Prefecture, a.City, a.Address1, a.Address2 = pref, city+town, block, rooms
	}
	return a
}

func TestKeyProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		place := rapid.SampledFrom([][3]string{{"東京都", "渋谷区", "神宮前"}, {"神奈川県", "横浜市西区", "みなとみらい"}, {"千葉県", "市川市", "八幡"}, {"北海道", "札幌市中央区", "南四条西"}, {"東京都", "港区", "六本木"},
			{"三重県", "四日市市", "諏訪町"}, {"神奈川県", "足柄下郡箱根町", "湯本"}, {"東京都", "千代田区", "霞が関"}}).Draw(t, "place")
		n := func(name string) int { return rapid.IntRange(1, 40).Draw(t, name) }
		nums, room := [3]int{n("a"), n("b"), n("c")}, rapid.SampledFrom([]int{0, 101, 501, 1203}).Draw(t, "room")
		one, two := written(t, place[0], place[1], place[2], nums, room), written(t, place[0], place[1], place[2], nums, room)
		if Key(one) != Key(two) {
			t.Fatalf("two keys:\n%+v\n%+v\n%+v\n%+v", one, two, Normalise(one, nil), Normalise(two, nil))
		}
		x := Normalise(one, nil)
		if want := fmt.Sprintf("%d-%d-%d", nums[0], nums[1], nums[2]); x.Block != want {
			t.Fatalf("block %q, want %q of %+v", x.Block, want, one)
		}
		same(t, x)
	})
}

type fataler interface{ Fatalf(string, ...any) }

// same checks that the normal writing is its own normal writing.
func same(t fataler, n Normal) {
	m := Normalise(n.Address(), nil)
	if m.Line1 != n.Line1 || m.Line2 != n.Line2 || m.PostalCode != n.PostalCode || m.Prefecture != n.Prefecture || m.City != n.City || m.Name != n.Name || m.Honorific != n.Honorific || m.Block != n.Block || m.Room != n.Room || m.Key() != n.Key() {
		t.Fatalf("not idempotent:\n%+v\n%+v", n, m)
	}
}

func FuzzNormalise(f *testing.F) {
	f.Add("150-0001", "東京都", "渋谷区", "神宮前1-2-3", "コーポ桜501", "佐藤 花子様")
	f.Add("", "", "", "北3条西4丁目", "私書箱第", "御中")
	f.Add("〒", "京都", "郡", "丁目番地号の1", "-F", "")
	x, err := ParseTable(strings.NewReader(utf))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, zip, pref, city, line1, line2, name string) {
		a := enishi.Address{Name: name, PostalCode: zip, Prefecture: pref, City: city, Address1: line1, Address2: line2}
		n := Normalise(a, x)
		Household(n, name)
		if n.Key() != Key(a) && len(x.Lookup(n.PostalCode)) == 0 {
			t.Fatal("Key of the address and of its normal form differ")
		}
		for _, p := range n.Problems {
			if p.Text.JA == "" || p.Text.EN == "" || p.Fix.JA == "" || p.Fix.EN == "" {
				t.Fatalf("a problem without words: %+v", p)
			}
		}
	})
}

func TestCP932RoundTrip(t *testing.T) {
	t.Parallel()
	n := 0
	for r := rune(0x20); r <= 0x1FFFF; r++ {
		if r >= 0xD800 && r < 0xE000 {
			continue
		}
		b, fit := AppendCP932(nil, r)
		if fit == FitNone {
			if len(b) > 0 {
				t.Fatalf("U+%04X: bytes without a fit", r)
			}
			continue
		}
		n++
		s, err := DecodeCP932(b)
		if err != nil || s != string(toCP932(r)) {
			t.Fatalf("U+%04X %c -> %x -> %q %v", r, r, b, s, err)
		}
	}
	if n < 7000 {
		t.Fatalf("only %d characters", n)
	}
	for r, want := range map[rune]Fit{'髙': FitNECIBM, '﨑': FitNECIBM, '①': FitNECIBM, '㈱': FitNECIBM, '高': FitJIS, '𠮷': FitNone, '🌸': FitNone, '〜': FitJIS, '～': FitJIS, 'ｶ': FitJIS, 'é': FitNone} {
		if _, fit := AppendCP932(nil, r); fit != want {
			t.Errorf("%c fits %d, want %d", r, fit, want)
		}
	}
	if b, _ := AppendCP932(nil, '髙'); !bytes.Equal(b, []byte{0xFB, 0xFC}) {
		t.Errorf("髙 = %x", b)
	}
	for in, want := range map[string]string{"𠮷田": "吉田", "Café": "Cafe", "栁": "栁", "花🌸子": "花子"} {
		if got, whole := Alternative(in); got != want || !whole {
			t.Errorf("Alternative(%q) = %q %v", in, got, whole)
		}
	}
	for r, to := range rare {
		if _, fit := AppendCP932(nil, r); fit != FitNone {
			t.Errorf("%c is in CP932: it needs no alternative", r)
		}
		if _, fit := AppendCP932(nil, to); fit == FitNone {
			t.Errorf("%c, the alternative of %c, is not in CP932", to, r)
		}
	}
}

func BenchmarkNormalise(b *testing.B) {
	x := table(b)
	a := at("150-0001", "東京都", "渋谷区", "神宮前１丁目２番３号", "コーポ桜501号室")
	for b.Loop() {
		Normalise(a, x)
	}
}

func BenchmarkKey(b *testing.B) {
	a := at("150-0001", "東京都", "渋谷区", "神宮前１丁目２番３号", "コーポ桜501号室")
	for b.Loop() {
		Key(a)
	}
}

func TestSettledTextsAreFoldedAlready(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.SampledFrom([]rune("縁髙﨑ァーがゞ々 　ａA1-−ｶﾞ\u3099\u200b\t〒"))).Draw(t, "text")
		if got := fold(s); !settled(s) == (got == s) && settled(s) || fold(got) != got {
			t.Fatalf("%q: settled %v, folded %q, again %q", s, settled(s), got, fold(got))
		}
		if settled(s) && spaces(norm.NFKC.String(s)) != s {
			t.Fatalf("%q is not settled: %q", s, spaces(norm.NFKC.String(s)))
		}
	})
}

// TestTableOfFullSize reads as many rows as Japan Post has, and keeps them in little memory.
func TestTableOfFullSize(t *testing.T) {
	var b strings.Builder
	const rows = 125_000
	for i := range rows {
		fmt.Fprintf(&b, "13113,\"150  \",\"%07d\",\"トウキョウト\",\"シブヤク\",\"マチ\",\"%s\",\"第%d市\",\"町の名前%d\",0,0,0,0,0,0\r\n", 10_000+i*70, prefectures[i*47/rows][0], i/70, i)
	}
	var before, after runtime.MemStats
	text := b.String()
	runtime.GC()
	runtime.ReadMemStats(&before)
	x, err := ParseTable(strings.NewReader(text))
	if err != nil || x.Len() != rows {
		t.Fatal(x.Len(), err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) >> 20; held > 12 {
		t.Errorf("%d MiB are held", held)
	}
	if got := x.Lookup(fmt.Sprintf("%07d", 10_000+777*70)); len(got) != 1 || got[0].Town != "町の名前777" {
		t.Errorf("%+v", got)
	}
	runtime.KeepAlive(text)
}

func FuzzParseTable(f *testing.F) {
	f.Add([]byte(utf))
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("\x82\xa0,\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := ParseTable(bytes.NewReader(b))
		if err != nil {
			return
		}
		for p := range x.All() {
			if got := x.Lookup(p.Zip); !slices.Contains(got, p) {
				t.Fatalf("%+v is not among %+v", p, got)
			}
		}
	})
}
