package market

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// number is what ParseDecimal accepts, said another way.
var number = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$`)

// reference reads s with math/big: its value, and how many decimals it is written with. ok says
// whether a Decimal can hold it.
func reference(s string) (value *big.Rat, decimals int, ok bool) {
	if !number.MatchString(s) {
		return nil, 0, false
	}
	mantissa, exp, _ := strings.Cut(strings.ToLower(s), "e")
	if _, after, found := strings.Cut(mantissa, "."); found {
		decimals = len(after)
	}
	if exp != "" {
		n, _ := new(big.Int).SetString(exp, 10)
		if n.CmpAbs(big.NewInt(60)) > 0 {
			return nil, 0, false
		}
		decimals -= int(n.Int64())
	}
	decimals = max(decimals, 0)
	value, _ = new(big.Rat).SetString(s)
	coef := new(big.Rat).Mul(value, new(big.Rat).SetInt(power(decimals)))
	return value, decimals, decimals <= MaxDigits && coef.Num().CmpAbs(power(MaxDigits)) < 0
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// rat returns the exact value of d, read from its own fields.
func rat(d Decimal) *big.Rat {
	coef := d.wide().big()
	if d.Neg() {
		coef.Neg(coef)
	}
	return new(big.Rat).SetFrac(coef, power(d.Scale()))
}

// checkParse compares ParseDecimal of s with the reference, as bytes and as a string.
func checkParse(t *testing.T, s string) {
	t.Helper()
	d, ok := ParseDecimal(s)
	if e, ok2 := ParseDecimal([]byte(s)); d != e || ok != ok2 {
		t.Fatalf("%q: %v %v as a string, %v %v as bytes", s, d, ok, e, ok2)
	}
	value, decimals, want := reference(s)
	if ok != want {
		t.Fatalf("%q: ok is %v", s, ok)
	}
	if !ok {
		if d.Set() {
			t.Fatalf("%q: refused, but gave %v", s, d)
		}
		return
	}
	if rat(d).Cmp(value) != 0 || d.Scale() != decimals {
		t.Fatalf("%q: is %v with %d decimals, want %v with %d", s, d, d.Scale(), value, decimals)
	}
	text := value.FloatString(decimals)
	if got := d.String(); got != text {
		t.Fatalf("%q: prints %q, want %q", s, got, text)
	}
	if again, ok := ParseDecimal(text); !ok || again != d {
		t.Fatalf("%q: %q reads back as %v", s, text, again)
	}
}

var decimalCases = []string{
	"61837.63000000", "0.00123000", "0", "0.0", "-0", "-0.00", "7", "-3", "007", "00000000.10", "2.0E-4", "1e3", "1.5e+1",
	"1e-28", "1e-29", "0e60", "0e-28", "1e27", "1e28", "9e60", "1e400", "1e-400", "1e0000", "1E", "1e+", "e5", "1e5.5",
	"9999999999999999999999999999", "10000000000000000000000000000", "-9999999999999999999999999999",
	"0.9999999999999999999999999999", "99999999999999.99999999999999", "0.00000000000000000000000000001",
	"18446744073709551615", "18446744073709551616", "1844674407370955161.6", "18446744073709551616.00000001",
	"1152921504606846976", "1152921504606846975.9", "12345678", "1234567.8", "1234567.12345678", "12345678.12345678",
	"1.123456789", "1.12345678", "9.99999999", "0000000.00000000", "1234567/1", "1234.567:", "123:4567.1", "-234567.8",
	"", "-", "--1", "+1", ".", "1.", ".5", "-.5", "1..2", "1.2.3", "1,5", " 1", "1 ", "0x10", "1_000", "NaN", "Infinity",
	"inf", "null", "1.5\x00", "\xb0\xb1\xb2\xb3\xb4.\xb5\xb6", "١٢٣", "1234.5\xff78",
}

func TestParseDecimal(t *testing.T) {
	for _, s := range decimalCases {
		checkParse(t, s)
	}
}

// randomNumber writes a number of up to 30 digits, now and then with a sign, an exponent or a wrong
// character somewhere.
func randomNumber(r *rand.Rand) string {
	b := make([]byte, 0, 40)
	if r.IntN(5) == 0 {
		b = append(b, '-')
	}
	n := 1 + r.IntN(30)
	point := r.IntN(2 * n)
	for i := range n {
		if i == point {
			b = append(b, '.')
		}
		digit := r.IntN(20)
		if digit > 9 {
			digit = (digit - 10) / 9 * 9 // many zeros, many nines
		}
		b = append(b, byte('0'+digit))
	}
	if r.IntN(8) == 0 {
		b = append(b, "eE"[r.IntN(2)])
		b = append(b, [...]string{"", "-", "+"}[r.IntN(3)]...)
		b = big.NewInt(int64(r.IntN(70))).Append(b, 10)
	}
	if r.IntN(10) == 0 {
		b[r.IntN(len(b))] = byte(r.IntN(256))
	}
	return string(b)
}

func TestParseDecimalLikeBig(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	good := 0
	for range 50_000 {
		s := randomNumber(r)
		checkParse(t, s)
		if _, ok := ParseDecimal(s); ok {
			good++
		}
	}
	if good < 15_000 {
		t.Errorf("only %d of 50000 were numbers", good)
	}
}

// What ReadDecimal takes is what ParseDecimal makes of the same bytes, and it takes the usual.
func TestReadDecimal(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	taken := 0
	for range 200_000 {
		number := randomNumber(r)
		s := number + []string{`","0.50000000","12345`, `,0.5],[1,2],[3,4],[5`, `e5,0.5],[1,2],[3,4],`, `}                   `, ``, `.`, `..12345678901234567`}[r.IntN(7)]
		d, n := ReadDecimal([]byte(s))
		if n == 0 {
			continue
		}
		taken++
		if want, ok := ParseDecimal(s[:n]); !ok || d != want || n >= len(s) || s[n]-'0' <= 9 {
			t.Fatalf("of %q the first %d bytes are %v, want %v (%v)", s, n, d, want, ok)
		}
	}
	if taken < 20_000 {
		t.Errorf("of 200,000 only %d were taken", taken)
	}
	for _, number := range []string{"0", "7", "-7", "0.5", "-0.00000", "61837.63000000", "0.123456789012345", "123456789012345", "1234.123456789012345", "1700000000123"} {
		if d, n := ReadDecimal([]byte(number + `","0.50000000","1`)); n != len(number) || d != MustDecimal(number) {
			t.Errorf("of %s %d bytes were taken as %v", number, n, d)
		}
	}
	for _, s := range []string{"", "-", "1", "1.5", "-1.5", `.5","0.50000000","1`, `-.5","0.50000000","1`, `5.","0.50000000","1`, `1234567890123456,"0.50000000","1`,
		`1.1234567890123456,"0.50000000","1`, `12345.123456789012345,"0.50000000","1`, `x1,"0.50000000","1234`, `+1,"0.50000000","1234`} {
		if d, n := ReadDecimal([]byte(s)); n != 0 {
			t.Errorf("of %s %d bytes were taken as %v", s, n, d)
		}
	}
}

func TestCmpLikeBig(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var all []Decimal
	for len(all) < 600 {
		if d, ok := ParseDecimal(randomNumber(r)); ok {
			all = append(all, d)
		}
	}
	for _, s := range []string{"0", "-0", "0.00", "1", "1.0", "1.000000000000000000000000000", "-1", "-1.00", "1e-28", "9999999999999999999999999999", "1.1", "1.10", "1844674407370955161.6", "1844674407370955161.60"} {
		all = append(all, MustDecimal(s))
	}
	for _, d := range all {
		for _, e := range all {
			if got, want := d.Cmp(e), rat(d).Cmp(rat(e)); got != want {
				t.Fatalf("%v against %v: %d, want %d", d, e, got, want)
			}
		}
	}
	var absent Decimal
	if absent.Cmp(all[0]) != -1 || all[0].Cmp(absent) != 1 || absent.Cmp(absent) != 0 || absent.Cmp(MustDecimal("-5")) != -1 {
		t.Error("absent is less than every number and equal to itself")
	}
}

func TestDecimalParts(t *testing.T) {
	var absent Decimal
	if absent.Set() || absent.IsZero() || absent.Neg() || absent.String() != "" {
		t.Error("the zero value is absent, which is not 0")
	}
	for _, v := range []int64{0, 1, -1, 1<<63 - 1, -1 << 62} {
		if got, ok := Int(v).Int64(); got != v || !ok {
			t.Errorf("Int(%d) is %d, %v", v, got, ok)
		}
	}
	if got := Int(-1 << 63).String(); got != "-9223372036854775808" {
		t.Error(got)
	}
	for _, s := range []string{"1.0", "9223372036854775808", "99999999999999999999"} {
		if _, ok := MustDecimal(s).Int64(); ok {
			t.Errorf("%s is no int64", s)
		}
	}
	if got := New(-1234, 2); got != MustDecimal("-12.34") {
		t.Error(got)
	}
	if MustDecimal("-0.00") != MustDecimal("0.00") {
		t.Error("-0 is 0")
	}
}

func TestMustDecimalPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it took NaN")
		}
	}()
	MustDecimal("NaN")
}

func TestDecimalAllocatesNothing(t *testing.T) {
	text, dst := []byte("61837.63000000"), make([]byte, 0, 64)
	other := MustDecimal("61837.6")
	n := testing.AllocsPerRun(100, func() {
		d, _ := ParseDecimal(text)
		dst = d.Append(dst[:0])
		d.Cmp(other)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
	if !bytes.Equal(dst, text) {
		t.Errorf("%s", dst)
	}
}

func FuzzParseDecimal(f *testing.F) {
	for _, s := range decimalCases {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) < 200 {
			checkParse(t, s)
		}
	})
}

func TestAbs(t *testing.T) {
	for text, want := range map[string]string{"-1.50": "1.50", "1.50": "1.50", "-0": "0", "79228162514264337593543950335": ""} {
		d, ok := ParseDecimal([]byte(text))
		if got := d.Abs(); ok != (want != "") || got.String() != want || got.Neg() {
			t.Errorf("|%s| is %s", text, got)
		}
	}
	if (Decimal{}).Abs().Set() {
		t.Error("absent is a number without its sign")
	}
}

func TestScaled(t *testing.T) {
	for _, test := range []struct {
		text string
		n    int
		want int64
		ok   bool
	}{
		{"1618678133.365913", 6, 1618678133365913, true}, {"1618678133", 6, 1618678133000000, true}, {"1618678133.3659139", 6, 1618678133365913, true},
		{"-1.5", 0, -1, true}, {"-0.5", 1, -5, true}, {"0", 30, 0, true}, {"0.00", 1, 0, true}, {"0.0000000000000000000000001", 3, 0, true},
		{"9223372036854775807", 0, 9223372036854775807, true}, {"9223372036854775808", 0, 0, false}, {"922337203685477580.8", 1, 0, false},
		{"1", 18, 1e18, true}, {"1", 19, 0, false}, {"1", 20, 0, false}, {"12345678901234567890123", 0, 0, false},
	} {
		if got, ok := MustDecimal(test.text).Scaled(test.n); got != test.want || ok != test.ok {
			t.Errorf("%s times 10^%d is %d, %v, want %d, %v", test.text, test.n, got, ok, test.want, test.ok)
		}
	}
	if _, ok := (Decimal{}).Scaled(0); ok {
		t.Error("what is absent is a number")
	}
}
