package scan

// Time returns the time in a string such as 2021-07-22T22:36:10.014Z in µs; what is finer is cut off.
// False: it is another form, or a day or hour that there is not.
func (c *Cursor) Time(v Value) (int64, bool) {
	if v.Kind != String {
		return 0, false
	}
	var buf [64]byte
	s := c.Text(v, buf[:0])
	const form = len("0000-00-00T00:00:00")
	if len(s) <= form || s[len(s)-1] != 'Z' || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	micros, ok := fraction(s[form : len(s)-1])
	two := func(i int) int {
		tens, ones := s[i]-'0', s[i+1]-'0'
		ok = ok && tens <= 9 && ones <= 9
		return int(tens)*10 + int(ones)
	}
	year, month, day := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	if !ok || year < 1970 || month == 0 || month > 12 || day == 0 || day > daysOf(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	return int64((dayOf(year, month, day)*24+hour)*60+minute)*60e6 + int64(second)*1e6 + micros, true
}

// daysOf returns how many days a month has.
func daysOf(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// dayOf counts the days since 1970. The year is taken to begin in March, so that the day that some years have more is its
// last; and of the months from March on 153 days are five.
func dayOf(year, month, day int) int {
	if month -= 3; month < 0 {
		month += 12
		year--
	}
	return year*365 + year/4 - year/100 + year/400 + (153*month+2)/5 + day - 719469
}

// fraction reads what comes behind a time's seconds: nothing, or up to 9 digits behind a point.
func fraction(s []byte) (micros int64, ok bool) {
	if len(s) == 0 {
		return 0, true
	}
	if s[0] != '.' || len(s) == 1 || len(s) > 10 {
		return 0, false
	}
	for i := 1; i < max(len(s), 7); i++ {
		digit := byte('0')
		if i < len(s) {
			digit = s[i]
		}
		if digit-'0' > 9 {
			return 0, false
		}
		if i < 7 {
			micros = micros*10 + int64(digit-'0')
		}
	}
	return micros, true
}

// Clock returns a time in µs from a text such as 2021-07-22T22:36:10.014Z.
func (f *Fields) Clock(slot byte) int64 {
	t, ok := f.Cursor.Time(f.Value(slot))
	if !ok {
		f.Fail(slot, Wrong)
	}
	return t
}

// Millis returns a time in µs, of the venue's ms, which it writes as a number or as a text.
func (f *Fields) Millis(slot byte) int64 {
	t := f.Whole(slot)
	if t <= 0 || t > MaxCount/1000 {
		f.Fail(slot, Wrong)
		return 0
	}
	return t * 1000
}
