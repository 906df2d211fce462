package segments

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/expr-lang/expr/ast"

	"enishi"
	"enishi/profiles"
)

// KindStore is the kind of the definitions of stores.
const KindStore = "store"

// StoreBody is the body of a store's definition. Its name is the store's id in events.
type StoreBody struct {
	Title      Label    `json:"title"`
	Zip        string   `json:"zip,omitempty"`
	Prefecture string   `json:"prefecture,omitempty"`
	Address    string   `json:"address,omitempty"`
	Lat        *float64 `json:"lat,omitempty"` // degrees north
	Lon        *float64 `json:"lon,omitempty"` // degrees east
	Hours      string   `json:"hours,omitempty"`
}

// ParseStore reads the body of a store's definition and checks it.
func ParseStore(body []byte) (StoreBody, error) {
	var b StoreBody
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return b, enishi.FieldError("body", "cannot be read: "+err.Error(), "読み取れません: "+err.Error())
	}
	for _, x := range [...]struct{ name, text string }{{"title", b.Title.JA + b.Title.EN}, {"zip", b.Zip}, {"prefecture", b.Prefecture}, {"address", b.Address}, {"hours", b.Hours}} {
		if len(x.text) > 1000 {
			return b, enishi.FieldError("body."+x.name, "is longer than 1,000 bytes", "1,000 バイト以内にしてください")
		}
	}
	switch {
	case strings.TrimSpace(b.Title.JA+b.Title.EN) == "":
		return b, enishi.FieldError("body.title", "give the store a name", "店舗名を入力してください")
	case (b.Lat == nil) != (b.Lon == nil):
		return b, enishi.FieldError("body.lat", "lat and lon come together", "緯度（lat）と経度（lon）は両方指定してください")
	case b.Lat != nil && b.Place() == (profiles.Place{}):
		return b, enishi.FieldError("body.lat", "lat is from -90 to 90 and lon from -180 to 180 degrees", "緯度は -90〜90、経度は -180〜180（度）で指定してください")
	}
	return b, nil
}

// Place is where the store is; the zero Place when nobody told.
func (b *StoreBody) Place() profiles.Place {
	if b.Lat == nil || b.Lon == nil {
		return profiles.Place{}
	}
	return profiles.PlaceOf(*b.Lat, *b.Lon)
}

// placeText is a place as a text of a library, and back.
func placeText(p profiles.Place) string { return fmt.Sprintf("%d %d %d", p.X, p.Y, p.Z) }

func parsePlace(s string) (p profiles.Place) {
	_, _ = fmt.Sscanf(s, "%d %d %d", &p.X, &p.Y, &p.Z) // what placeText wrote
	return p
}

// distance reads distance("ginza").
func (c *typing) distance(t *ast.CallNode) (*node, error) {
	name, err := c.text1(t, `distance("ginza")`)
	if err != nil {
		return nil, err
	}
	inc := c.including
	if inc.library.Store == nil {
		return nil, c.fail(t.Location(), "distance is known in the expressions of segments only", "distance はセグメントの条件式でだけ使えます")
	}
	place, ok := inc.library.Store(name)
	if !ok {
		return nil, c.fail(t.Arguments[0].Location(), "there is no store %q: write the id of one that is there, or make it first", "「%s」という店舗はありません。登録済みの店舗 ID を書くか、先に店舗を登録してください", name)
	}
	inc.took[Reference{KindStore, name}] = placeText(place)
	return &node{op: opDistance, kind: Decimal, place: place, inputs: traitInputs, maybe: true, at: t.Location()}, nil
}

// The distance over the ground is 2 R asin(c / 2R) of the chord c, and the chord is exact. What follows uses nothing but +, -,
// *, / and the square root, which are the same on every machine and in the engine; an arc sine of a library is not. It is that
// of fdlibm (s_asin: an error below one unit in the last place). The result is in whole metres, so that it reads well.

// arcTerms are the coefficients of fdlibm's asin: of the numerator from t¹, of the denominator from t¹.
var arcTerms = [2][]float64{
	{1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01, -4.00555345006794114027e-02, 7.91534994289814532176e-04, 3.47933107596021167570e-05},
	{-2.40339491173441421878e+00, 2.02094576023350569471e+00, -6.88283971605453293030e-01, 7.70381505559019352791e-02},
}

// kilometres between two places; false when one is nowhere.
func kilometres(a, b profiles.Place) (float64, bool) {
	if a == (profiles.Place{}) || b == (profiles.Place{}) {
		return 0, false
	}
	x, y, z := a.X-b.X, a.Y-b.Y, a.Z-b.Z
	s := min(math.Sqrt(float64(x*x+y*y+z*z))/(2*profiles.EarthRadius), 1)
	near := s <= 0.5
	w := s
	if !near {
		w = math.Sqrt((1 - s) / 2)
	}
	t := float64(w * w)
	p, q := 0.0, 0.0
	for i := len(arcTerms[0]) - 1; i >= 0; i-- {
		p = float64(t * (arcTerms[0][i] + p)) // the conversions keep machines that can from joining * and +
	}
	for i := len(arcTerms[1]) - 1; i >= 0; i-- {
		q = float64(t * (arcTerms[1][i] + q))
	}
	arc := w + float64(w*(p/(1+q)))
	if !near {
		arc = math.Pi/2 - float64(2*arc)
	}
	return math.Floor(float64(2*profiles.EarthRadius/100*arc)+0.5) / 1000, true
}

// distance writes kilometres between the person and a store.
func (q *statement) distance(to profiles.Place) string {
	if to == (profiles.Place{}) {
		return "CAST(NULL, 'Nullable(Float64)')"
	}
	for _, name := range []string{"place_x", "place_y", "place_z"} {
		q.needs(name)
	}
	series := func(terms []float64) string {
		text := "0"
		for i := len(terms) - 1; i >= 0; i-- {
			text = "t * (" + q.double(terms[i]) + " + " + text + ")"
		}
		return text
	}
	square := func(name string, from int64) string {
		d := "(p." + name + " - " + q.whole(from) + ")"
		return d + " * " + d
	}
	chord := "sqrt(toFloat64(" + square("place_x", to.X) + " + " + square("place_y", to.Y) + " + " + square("place_z", to.Z) + "))"
	s := "least(" + chord + " / " + q.double(2*profiles.EarthRadius) + ", toFloat64(1))"
	w := "arrayMap(s -> (if(s <= 0.5, s, sqrt((1 - s) / 2)), s <= 0.5), [" + s + "])"
	arc := "arrayMap(x -> (x.1 + x.1 * (arrayMap(t -> " + series(arcTerms[0]) + ", [x.1 * x.1])[1] / (1 + arrayMap(t -> " + series(arcTerms[1]) + ", [x.1 * x.1])[1])), x.2), " + w + ")"
	metres := "arrayMap(a -> floor(" + q.double(2*profiles.EarthRadius/100) + " * if(a.2, a.1, " + q.double(math.Pi/2) + " - 2 * a.1) + 0.5), " + arc + ")[1]"
	return "if(p.place_x = 0 AND p.place_y = 0 AND p.place_z = 0, NULL, " + metres + " / 1000)"
}
