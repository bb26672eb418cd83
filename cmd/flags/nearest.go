package flags

// Nearest returns the one of the names that a word was probably meant to be; "" if none is near: more than
// a third of the letters would have to change.
func Nearest(word string, known []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// DidYouMean is the end of a message about an unknown word: what was probably meant, or what there is.
func DidYouMean(word, prefix string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return "did you mean " + prefix + near + "?"
	}
	text := "there are"
	for _, k := range known {
		text += " " + prefix + k
	}
	return text
}

// distance counts the letters to insert, delete, change or swap with their neighbour (Damerau's distance,
// restricted to one edit a place).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
