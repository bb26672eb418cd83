package checkpoint

// Body returns what was sealed.
func Body(data []byte) ([]byte, error) {
	c, err := parse(data)
	if err != nil {
		return nil, err
	}
	return c.unpack()
}
