package fault

import "slices"

// Explained adds words for people to a failure with one of the reasons that has
// none: what may be wrong with a credential, and what it needs, is known only to
// whoever asked with it. Of what something in between refused nothing is known
// there. Other failures, and nil, come back as they are.
func Explained(err error, words string, reasons ...Reason) error {
	return detailed(err, words, func(f *Error) bool { return slices.Contains(reasons, f.Reason) })
}

// Settled adds words to a lost answer that has none: how it is settled, where
// people would fear that the write is sent again.
func Settled(err error, words string) error {
	return detailed(err, words, func(f *Error) bool { return f.Class == Lost })
}

func detailed(err error, words string, fits func(*Error) bool) error {
	found := Of(err)
	if found == nil || found.Detail != "" || found.Foreign || !fits(found) {
		return err
	}
	f := *found
	f.Detail = words
	return &f
}
