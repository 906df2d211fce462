package wire_test

import (
	"math"
	"reflect"
	"testing"
	"time"
	"unsafe"

	"enishi/internal/wire/testdata/money"
	"enishi/internal/wire/testdata/sample"

	"pgregory.net/rapid"
)

// fill gives every tagged field of the struct at v a drawn value, or none. What a parse cannot tell apart is drawn in the
// form that a parse gives: empty slices and maps are nil, times are UTC milliseconds.
func fill(t *rapid.T, v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		if rapid.Bool().Draw(t, "set") {
			v.Set(reflect.ValueOf(time.UnixMilli(rapid.Int64Range(-1<<50, 1<<50).Draw(t, "ms")).UTC()))
		}
		return
	case reflect.TypeFor[money.Pair]():
		v.Set(reflect.ValueOf(rapid.SampledFrom([]money.Pair{{}, {A: "a"}, {B: "b"}, {A: "JPY", B: "USD"}}).Draw(t, "pair")))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		bits := v.Type().Bits()
		v.SetInt(rapid.Int64Range(math.MinInt64>>(64-bits), math.MaxInt64>>(64-bits)).Draw(t, "int"))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64Max(math.MaxUint64>>(64-v.Type().Bits())).Draw(t, "uint"))
	case reflect.Float64:
		v.SetFloat(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.Inf(1), math.Inf(-1)})).Draw(t, "float"))
	case reflect.String:
		v.SetString(rapid.OneOf(rapid.String(), rapid.StringN(100, 200, 1000)).Draw(t, "string"))
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Slice:
		if n := rapid.IntRange(0, 3).Draw(t, "len"); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			fillElem(t, v.Index(i))
		}
	case reflect.Map:
		if n := rapid.IntRange(0, 3).Draw(t, "len"); n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(t, key)
				fillElem(t, elem)
				v.SetMapIndex(key, elem)
			}
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "set") {
			fillElem(t, v)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if _, ok := f.Tag.Lookup("wire"); !ok || f.Name == "_" || !rapid.Bool().Draw(t, f.Name) {
				continue
			}
			fill(t, reflect.NewAt(f.Type, unsafe.Pointer(v.Field(i).UnsafeAddr())).Elem()) // also unexported ones
		}
	default:
		t.Fatalf("fill does not know %s", v.Type())
	}
}

// fillElem is fill where nil is not kept: a pointer in a slice or map.
func fillElem(t *rapid.T, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	fill(t, v)
}

func drawEvery(t *rapid.T) *sample.Every {
	x := new(sample.Every)
	fill(t, reflect.ValueOf(x).Elem())
	return x
}

// TestFillCoversEverything guards the property tests: over some draws each tagged field of Every is non-zero once.
func TestFillCoversEverything(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	gen := rapid.Custom(drawEvery)
	for seed := range 50 {
		v := reflect.ValueOf(gen.Example(seed)).Elem()
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				seen[v.Type().Field(i).Name] = true
			}
		}
	}
	for f := range reflect.TypeFor[sample.Every]().Fields() {
		if _, ok := f.Tag.Lookup("wire"); ok && f.Name != "_" && !seen[f.Name] {
			t.Errorf("%s is never set", f.Name)
		}
	}
}
