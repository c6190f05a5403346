package fault

import "slices"

// Explained adds words for people to a failure with one of the reasons that has
// none: what may be wrong with a credential, and what it needs, is known only to
// whoever asked with it. Other failures, and nil, come back as they are.
func Explained(err error, words string, reasons ...Reason) error {
	found := Of(err)
	if found == nil || found.Detail != "" || !slices.Contains(reasons, found.Reason) {
		return err
	}
	f := *found
	f.Detail = words
	return &f
}
