package segments

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"enishi"
	"enishi/profiles"
)

// haversine is the textbook's formula, in kilometres.
func haversine(lat1, lon1, lat2, lon2 float64) float64 {
	rad := func(d float64) float64 { return d * math.Pi / 180 }
	sin := func(x float64) float64 { return math.Pow(math.Sin(x/2), 2) }
	h := sin(rad(lat2-lat1)) + math.Cos(rad(lat1))*math.Cos(rad(lat2))*sin(rad(lon2-lon1))
	return 2 * 6371.0088 * math.Asin(math.Sqrt(min(h, 1)))
}

// Places are held in centimetres and distances in metres: what is found is the haversine distance but for a metre, at any
// distance but those to the other side of the Earth, where the chord hardly grows any more.
func TestDistanceIsHaversine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lat1, lon1 := rapid.Float64Range(-90, 90).Draw(t, "lat"), rapid.Float64Range(-180, 180).Draw(t, "lon")
		lat2, lon2 := rapid.Float64Range(-90, 90).Draw(t, "lat"), rapid.Float64Range(-180, 180).Draw(t, "lon")
		if rapid.Bool().Draw(t, "near") {
			lat2, lon2 = math.Max(-90, math.Min(90, lat1+lat2/1000)), math.Max(-180, math.Min(180, lon1+lon2/1000))
		}
		got, ok := kilometres(profiles.PlaceOf(lat1, lon1), profiles.PlaceOf(lat2, lon2))
		want := haversine(lat1, lon1, lat2, lon2)
		if !ok || math.Abs(got-want) > 0.0012 && want < 10_000 || math.Abs(got-want) > 1 {
			t.Fatalf("%v %v to %v %v: %v, haversine %v", lat1, lon1, lat2, lon2, got, want)
		}
	})
}

// The engine gives the same doubles as Go, bit by bit.
func TestDistanceSQL(t *testing.T) {
	t.Parallel()
	db := openDB(t, "distance")
	rnd := rand.New(rand.NewPCG(1, 2))
	from := profiles.PlaceOf(35.6717, 139.765)
	places := []profiles.Place{{}, from, {X: -from.X, Y: -from.Y, Z: -from.Z}}
	for range 2500 {
		places = append(places, profiles.PlaceOf(rnd.Float64()*180-90, rnd.Float64()*360-180), profiles.PlaceOf(35.6717+rnd.Float64()/5, 139.765+rnd.Float64()/5))
	}
	var list strings.Builder
	for i, p := range places {
		fmt.Fprintf(&list, "(%d,%d,%d,%d),", i, p.X, p.Y, p.Z)
	}
	q := newQuery(made)
	km := q.distance(from)
	rows, err := db.Query(t.Context(), "SELECT p.i, "+km+" FROM (SELECT toUInt64(v.1) AS i, toInt64(v.2) AS place_x, toInt64(v.3) AS place_y, toInt64(v.4) AS place_z FROM (SELECT arrayJoin(["+
		strings.TrimRight(list.String(), ",")+"]) AS v)) AS p", q.args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var i uint64
		var got *float64
		if err := rows.Scan(&i, &got); err != nil {
			t.Fatal(err)
		}
		want, ok := kilometres(places[i], from)
		if ok != (got != nil) || ok && *got != want {
			t.Fatalf("%v: Go %v %v, SQL %v", places[i], want, ok, got)
		}
	}
	if err := rows.Err(); err != nil || n != len(places) {
		t.Fatalf("%d rows of %d, %v", n, len(places), err)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	f := func(lat, lon enishi.Value, expression string, want bool) {
		t.Helper()
		v := typical()
		v.Traits["lat"], v.Traits["lon"] = lat, lon
		if got := compiled(t, expression).Match(v, made); got != want {
			t.Errorf("%s of %v %v: %v", expression, lat, lon, got)
		}
	}
	at := enishi.NumberValue
	f(at(35.6717), at(139.765), `distance("ginza") == 0`, true)
	f(at(34.7025), at(135.4959), `distance("ginza") > 402.5 && distance("ginza") < 403.5`, true)
	f(at(34.7025), at(135.4959), `distance("umeda") < 1 && distance("ginza") > 100`, true)
	f(at(34.7025), enishi.TextValue("135.4959"), `missing(distance("umeda"))`, true)
	f(at(34.7025), at(181), `missing(distance("umeda"))`, true)
	f(at(0), at(0), `present(distance("umeda"))`, true)
	f(at(34.7025), at(135.4959), `distance("popup") < 100000`, false)
	f(at(34.7025), at(135.4959), `count(orders, distance("umeda") < 1) >= 16`, true)
}

func TestDistanceRefused(t *testing.T) {
	t.Parallel()
	f := func(l Library, expression, want string) {
		t.Helper()
		var e *enishi.Error
		if err := l.Check(expression); !errors.As(err, &e) || e.Msg[:len(want)] != want || e.MsgJA == "" {
			t.Errorf("%s: %v", expression, err)
		}
	}
	f(library, `distance("nagoya") < 1`, `there is no store "nagoya"`)
	f(library, `distance(prefecture) < 1`, "a text is expected")
	f(Library{}, `distance("ginza") < 1`, "distance is known in the expressions of segments only")
}

// A segment follows a store that moves, and no other change of it.
func TestDistanceFollowsTheStore(t *testing.T) {
	t.Parallel()
	s, err := library.Compile("near", 1, []byte(`{"expression": "distance(\"ginza\") < 10"}`))
	if err != nil {
		t.Fatal(err)
	}
	if !s.Current(library) {
		t.Error("not current in its own library")
	}
	if again, err := s.library().Compile("near", 1, []byte(`{"expression": "distance(\"ginza\") < 10"}`)); err != nil || !again.Same(s) {
		t.Errorf("compiled again by what it took: %v", err)
	}
	moved := Library{Store: func(string) (profiles.Place, bool) { return profiles.PlaceOf(35, 139), true }}
	other, err := moved.Compile("near", 1, []byte(`{"expression": "distance(\"ginza\") < 10"}`))
	if err != nil || s.Current(moved) || s.Same(other) {
		t.Errorf("after a move: current %v, same %v, %v", s.Current(moved), s.Same(other), err)
	}
}

func TestParseStore(t *testing.T) {
	t.Parallel()
	f := func(body, field string) {
		t.Helper()
		_, err := ParseStore([]byte(body))
		var e *enishi.Error
		switch {
		case field == "" && err != nil:
			t.Errorf("%s: %v", body, err)
		case field != "" && (!errors.As(err, &e) || e.Field != field):
			t.Errorf("%s: %v, want the field %s", body, err, field)
		}
	}
	f(`{"title": {"ja": "銀座本店"}}`, "")
	f(`{"title": {"ja": "銀座本店", "en": "Ginza"}, "zip": "104-0061", "prefecture": "東京都", "address": "中央区銀座", "lat": 35.67, "lon": 139.76, "hours": "11-20"}`, "")
	f(`{"title": {}}`, "body.title")
	f(`{"title": {"ja": "x"}, "lat": 35}`, "body.lat")
	f(`{"title": {"ja": "x"}, "lat": 91, "lon": 0}`, "body.lat")
	f(`{"title": {"ja": "x"}, "lat": 0, "lon": -181}`, "body.lat")
	f(`{"title": {"ja": "x"}, "latitude": 1}`, "body")
	f(`[]`, "body")
}
