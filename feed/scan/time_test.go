package scan

import (
	"fmt"
	"strconv"
	"testing"
	"time"
)

func readTime(text string) (int64, bool) {
	c := Over([]byte(text))
	return c.Time(c.Value())
}

func TestTime(t *testing.T) {
	for _, text := range []string{
		"2021-07-22T22:36:10.014Z", "2021-07-22T22:36:10Z", "1970-01-01T00:00:00Z", "2024-02-29T23:59:59.999999Z",
		"2025-12-31T00:00:00.1Z", "2023-02-09T20:32:50.714964855Z", "9999-12-31T23:59:59.999999999Z",
	} {
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := readTime(strconv.Quote(text)); !ok || got != want.UnixMicro() {
			t.Errorf("%s is %d, %v, want %d", text, got, ok, want.UnixMicro())
		}
	}
	if got, ok := readTime(`"2021\u002d07-22T22:36:10.014\u005a"`); !ok || got != 1626993370014000 {
		t.Errorf("with escapes it is %d, %v", got, ok)
	}
}

// Every day there is, and none that there is not.
func TestTimeOfEachDay(t *testing.T) {
	for year := 1970; year <= 2410; year++ {
		for month := 1; month <= 12; month++ {
			for day := 0; day <= 32; day++ {
				want := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
				got, ok := readTime(fmt.Sprintf(`"%04d-%02d-%02dT00:00:00Z"`, year, month, day))
				if there := want.Day() == day && want.Month() == time.Month(month); ok != there || ok && got != want.UnixMicro() {
					t.Fatalf("%d-%d-%d is %d, %v, want %d", year, month, day, got, ok, want.UnixMicro())
				}
			}
		}
	}
}

func TestTimeRefuses(t *testing.T) {
	for _, text := range []string{
		`""`, `"2021"`, `"2021-07-22T22:36:10"`, `"2021-07-22 22:36:10Z"`, `"2021-07-22T22:36:10.Z"`, `"2021-07-22T22:36:10.0123456789Z"`,
		`"2021-07-22T22:36:10,5Z"`, `"2021-07-22T22:36:10.5xZ"`, `"2021-07-22T22:36:60Z"`, `"2021-07-22T24:36:10Z"`, `"2021-07-22T22:60:10Z"`,
		`"2021-13-22T22:36:10Z"`, `"2021-00-22T22:36:10Z"`, `"2021-02-29T22:36:10Z"`, `"2021-07-00T22:36:10Z"`, `"1969-07-22T22:36:10Z"`,
		`"202x-07-22T22:36:10Z"`, `"2021-07-22T22:36:10+00:00"`, `1626993370014`, `null`,
	} {
		if got, ok := readTime(text); ok {
			t.Errorf("%s was read as %d", text, got)
		}
	}
}
