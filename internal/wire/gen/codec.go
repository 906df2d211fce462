package main

import (
	"fmt"
	"go/types"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"enishi/internal/wire"
)

// shape is how a type is encoded.
type shape int

const (
	boolean  shape = iota
	unsigned       // any unsigned integer
	signed         // any signed integer
	float          // float64
	instant        // time.Time
	text           // string
	blob           // []byte
	array          // [n]byte
	message        // has AppendWire and ParseWire
	pointer        // to elem
	list           // of elem
	dict           // from key to elem
)

// codec is a type with its shape.
type codec struct {
	shape shape
	name  string // the type as written in the generated file
	plain bool   // the type is the predeclared one of its shape, no conversion needed
	fixed bool   // a number of 8 bytes
	wide  bool   // an integer of 64 bits on every platform
	n     int64  // length of an array
	key   *codec
	elem  *codec
}

// kind is the payload of a field of this type.
func (c *codec) kind() int {
	switch c.shape {
	case boolean, unsigned, signed, instant:
		if c.fixed {
			return wire.Fixed64
		}
		return wire.Varint
	case float:
		return wire.Fixed64
	case array:
		if c.n == 16 {
			return wire.Raw16
		}
	case pointer:
		return c.elem.kind()
	}
	return wire.Bytes
}

// framed tells whether the content is written before its length is known.
func (c *codec) framed() bool {
	switch c.shape {
	case message, list, dict:
		return true
	case pointer:
		return c.elem.framed()
	}
	return false
}

// field is a tagged field of a struct.
type field struct {
	name   string
	number int
	codec  *codec
}

// record is a struct to generate for.
type record struct {
	name   string
	fields []field
}

// packageOf reads the records of the named types of a package.
type packageOf struct {
	pkg     *types.Package
	records map[string]*record
	order   []string
	imports map[string]string // path -> name used
	inside  []string          // records being read, outermost first
}

// record reads a struct once, and refuses one that contains itself: no bound on the depth of corrupt input.
func (p *packageOf) record(name string) (*record, error) {
	if r, ok := p.records[name]; ok {
		if i := slices.Index(p.inside, name); i >= 0 {
			return nil, fmt.Errorf("%s contains itself (%s): write its methods by hand, with a limit of depth",
				name, strings.Join(append(p.inside[i:], name), " > "))
		}
		return r, nil
	}
	obj, ok := p.pkg.Scope().Lookup(name).(*types.TypeName)
	if !ok {
		return nil, fmt.Errorf("no type %s in package %s", name, p.pkg.Name())
	}
	named, ok := obj.Type().(*types.Named)
	if !ok || named.TypeParams().Len() > 0 {
		return nil, fmt.Errorf("%s is an alias or generic", name)
	}
	st, ok := named.Underlying().(*types.Struct)
	if !ok {
		return nil, fmt.Errorf("%s is not a struct", name)
	}
	if hasMethods(named) {
		return nil, fmt.Errorf("%s has AppendWire and ParseWire in another file already", name)
	}
	r := &record{name: name}
	p.records[name] = r
	p.inside = append(p.inside, name)
	defer func() { p.inside = p.inside[:len(p.inside)-1] }()
	taken := map[int]string{}
	for i := range st.NumFields() {
		f := st.Field(i)
		number, fixed, err := parseTag(st.Tag(i))
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, f.Name(), err)
		}
		if number == 0 {
			continue
		}
		if other, ok := taken[number]; ok {
			return nil, fmt.Errorf("%s.%s: number %d is that of %s", name, f.Name(), number, other)
		}
		taken[number] = f.Name()
		if f.Name() == "_" {
			continue
		}
		c, err := p.codec(f.Type(), fixed)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, f.Name(), err)
		}
		r.fields = append(r.fields, field{f.Name(), number, c})
	}
	if len(taken) == 0 {
		return nil, fmt.Errorf("%s has no field tagged `wire:\"N\"`", name)
	}
	slices.SortFunc(r.fields, func(a, b field) int { return a.number - b.number })
	return r, nil
}

// parseTag gives number 0 for a field that is not encoded.
func parseTag(tag string) (number int, fixed bool, err error) {
	value, ok := reflect.StructTag(tag).Lookup("wire")
	if !ok {
		if strings.Contains(tag, "wire:") {
			return 0, false, fmt.Errorf("tag `%s` does not parse", tag)
		}
		return 0, false, nil
	}
	if value == "-" {
		return 0, false, nil
	}
	digits, fixed := strings.CutSuffix(value, ",fixed")
	number, err = strconv.Atoi(digits)
	if err != nil || number < 1 || number > math.MaxInt16 {
		return 0, false, fmt.Errorf("tag `wire:%q` is not a number from 1 to %d with an optional \",fixed\"",
			value, math.MaxInt16)
	}
	return number, fixed, nil
}

// codec finds the shape of a type.
func (p *packageOf) codec(t types.Type, fixed bool) (*codec, error) {
	c := &codec{name: types.TypeString(t, p.qualify)}
	t = types.Unalias(t)
	named, _ := t.(*types.Named)
	if named != nil && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "time" && named.Obj().Name() == "Time" {
		c.shape = instant
		return c, refuseFixed(c, fixed)
	}
	if named != nil {
		ok, err := p.isMessage(named)
		if err != nil {
			return nil, err
		}
		if ok {
			c.shape = message
			return c, refuseFixed(c, fixed)
		}
	}
	var err error
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return c, c.basic(u, named == nil, fixed)
	case *types.Array:
		if !isByte(u.Elem()) || u.Len() == 0 {
			return nil, fmt.Errorf("%s: of arrays only [N]byte can be encoded", c.name)
		}
		c.shape, c.n = array, u.Len()
		return c, refuseFixed(c, fixed)
	case *types.Slice:
		if isByte(u.Elem()) {
			c.shape, c.plain = blob, named == nil
			return c, refuseFixed(c, fixed)
		}
		c.shape = list
		c.elem, err = p.element(u.Elem(), fixed)
		return c, err
	case *types.Map:
		c.shape = dict
		if c.key, err = p.codec(u.Key(), false); err != nil {
			return nil, err
		}
		if c.key.shape != text {
			return nil, fmt.Errorf("%s: the key of a map must be a string", c.name)
		}
		c.elem, err = p.element(u.Elem(), fixed)
		return c, err
	case *types.Pointer:
		c.shape = pointer
		if c.elem, err = p.codec(u.Elem(), fixed); err != nil {
			return nil, err
		}
		if named != nil || c.elem.shape == pointer || c.elem.shape == list || c.elem.shape == dict {
			return nil, fmt.Errorf("%s: this pointer cannot be encoded", c.name)
		}
		return c, nil
	case *types.Struct:
		return nil, fmt.Errorf("%s has no AppendWire and ParseWire: tag its fields and add it to -types, "+
			"or write both by hand", c.name)
	}
	return nil, fmt.Errorf("%s cannot be encoded", c.name)
}

// element is the codec of what a list or map holds: it has no place for nil.
func (p *packageOf) element(t types.Type, fixed bool) (*codec, error) {
	c, err := p.codec(t, fixed)
	if err == nil && c.shape == pointer && c.elem.shape != message {
		return nil, fmt.Errorf("%s: a slice or map holds pointers to structs only", c.name)
	}
	return c, err
}

func refuseFixed(c *codec, fixed bool) error {
	if fixed {
		return fmt.Errorf("%s: only integers of 64 bits can be fixed", c.name)
	}
	return nil
}

// basic fills in the shape of a type whose underlying type is b.
func (c *codec) basic(b *types.Basic, plain, fixed bool) error {
	c.plain = plain
	switch {
	case b.Kind() == types.Invalid:
		return fmt.Errorf("%s: this type could not be resolved", c.name)
	case b.Kind() == types.Int64 || b.Kind() == types.Uint64:
		c.wide, c.fixed = true, fixed
		fixed = false
	}
	switch {
	case b.Info()&types.IsBoolean != 0:
		c.shape = boolean
	case b.Kind() == types.Uintptr:
		return fmt.Errorf("%s cannot be encoded", c.name)
	case b.Info()&types.IsUnsigned != 0:
		c.shape = unsigned
	case b.Info()&types.IsInteger != 0:
		c.shape = signed
	case b.Kind() == types.Float64:
		c.shape = float
	case b.Info()&types.IsString != 0:
		c.shape = text
	default:
		return fmt.Errorf("%s cannot be encoded", c.name)
	}
	return refuseFixed(c, fixed)
}

// isMessage tells whether a named type has both methods, or will have: one of ours, or a tagged struct of another
// package, whose generated file may not be there yet.
func (p *packageOf) isMessage(named *types.Named) (bool, error) {
	if hasMethods(named) {
		return true, nil
	}
	if named.Obj().Pkg() == p.pkg {
		if !slices.Contains(p.order, named.Obj().Name()) {
			return false, nil
		}
		_, err := p.record(named.Obj().Name())
		return true, err
	}
	st, ok := named.Underlying().(*types.Struct)
	if !ok {
		return false, nil
	}
	for i := range st.NumFields() {
		if number, _, _ := parseTag(st.Tag(i)); number > 0 {
			return true, nil
		}
	}
	return false, nil
}

// hasMethods tells whether *T has AppendWire([]byte) []byte and ParseWire(string) error.
func hasMethods(named *types.Named) bool {
	set := types.NewMethodSet(types.NewPointer(named))
	is := func(name, want string) bool {
		sel := set.Lookup(named.Obj().Pkg(), name)
		if sel == nil || len(sel.Index()) > 1 { // a promoted one encodes the embedded struct only
			return false
		}
		sig, ok := sel.Type().(*types.Signature)
		if !ok || sig.Params().Len() != 1 || sig.Results().Len() != 1 {
			return false
		}
		return types.TypeString(sig.Params().At(0).Type(), nil)+" "+types.TypeString(sig.Results().At(0).Type(), nil) == want
	}
	return is("AppendWire", "[]byte []byte") && is("ParseWire", "string error")
}

func isByte(t types.Type) bool {
	return types.Identical(types.Unalias(t), types.Typ[types.Byte])
}

// qualify notes that a package is used and gives its name.
func (p *packageOf) qualify(pkg *types.Package) string {
	if pkg == p.pkg {
		return ""
	}
	if name, ok := p.imports[pkg.Path()]; ok {
		return name
	}
	name := pkg.Name()
	for n := 2; p.nameTaken(name); n++ {
		name = pkg.Name() + strconv.Itoa(n)
	}
	p.imports[pkg.Path()] = name
	return name
}

func (p *packageOf) nameTaken(name string) bool {
	if name == "wire" || name == "math" || slices.Contains([]string{"x", "b", "s"}, name) {
		return true
	}
	for _, used := range p.imports {
		if used == name {
			return true
		}
	}
	return false
}
