package rotation

// EndIs says what the end of the old credential is, for people. An emergency has no
// watch between switching it off and ending it for good.
func (r *Rotation) EndIs() string {
	if r.Cell.Mode == Emergency && r.Traits.UndoOfEnd {
		return "switched off and right after that ended for good, which nobody can undo"
	}
	return r.Traits.EndIs
}
