package render

import "strings"

// controls begins the ids of everything of ours that can be pressed or
// submitted, with the version of what they mean: an old message in a channel
// may be pressed years later, and must then do what it says or nothing. The
// form of an id is the installation's for good; what changes its meaning gets
// another version.
const controls = "rekey/1/"

// ControlID is the action_id of a button, or the callback_id of a modal.
func ControlID(name string) string { return controls + name }

// ControlName is the name within such an id, "" for what is not ours or of
// another version.
func ControlName(id string) string {
	name, ours := strings.CutPrefix(id, controls)
	if !ours {
		return ""
	}
	return name
}
