package market

import "testing"

func BenchmarkParseDecimal(b *testing.B) {
	for _, s := range []string{"61837.63000000", "0.00123000", "7", "2.0E-4", "184467440737095516.1600000000"} {
		b.Run(s, func(b *testing.B) {
			text := []byte(s)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := ParseDecimal(text); !ok {
					b.Fatal(s)
				}
			}
		})
	}
}

func BenchmarkReadDecimal(b *testing.B) {
	for _, s := range []string{"61837.63000000", "0.00123000", "7", "1700000000123"} {
		b.Run(s, func(b *testing.B) {
			text := []byte(s + `","0.50000000"],[`)
			b.ReportAllocs()
			for b.Loop() {
				if _, n := ReadDecimal(text); n == 0 {
					b.Fatal(s)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, s := range []string{"61837.63000000", "0.00123000", "184467440737095516.1600000000"} {
		b.Run(s, func(b *testing.B) {
			d, dst := MustDecimal(s), make([]byte, 0, 64)
			b.ReportAllocs()
			for b.Loop() {
				dst = d.Append(dst[:0])
			}
		})
	}
}

func BenchmarkCmp(b *testing.B) {
	for _, c := range []struct{ name, d, e string }{
		{"one scale", "61837.63000000", "61837.64000000"},
		{"two scales", "61837.63000000", "61837.6"},
	} {
		b.Run(c.name, func(b *testing.B) {
			d, e, n := MustDecimal(c.d), MustDecimal(c.e), 0
			for b.Loop() {
				n += d.Cmp(e)
			}
			_ = n
		})
	}
}

func BenchmarkSum(b *testing.B) {
	for _, c := range []struct{ name, q string }{{"one scale", "0.00120000"}, {"two scales", "0.0012"}} {
		b.Run(c.name, func(b *testing.B) {
			var s Sum
			s.Add(MustDecimal("1.00000000"))
			q := MustDecimal(c.q)
			for b.Loop() {
				s.Add(q)
			}
		})
	}
}
