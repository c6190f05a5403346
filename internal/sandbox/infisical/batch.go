package infisical

import "slices"

// updateMany is PATCH /api/v4/secrets/batch. In the default mode one absent
// name refuses the whole request and nothing is written; "ignore" leaves absent
// names out, "upsert" creates them. The same name twice counts once, the last
// value wins.
func (s *Server) updateMany(a ask) (any, *refusal) {
	items, no := a.items()
	if no != nil {
		return nil, no
	}
	names := make([]string, len(items))
	for i, it := range items {
		names[i] = it.SecretKey
	}
	return s.commit(a, "UpdateManySecret", names, func(f *folder) (any, int, *refusal) {
		if no := absent(a, f, items); no != nil {
			return nil, 0, no
		}
		answers, first := []map[string]any{}, 0
		for _, it := range items {
			e := s.upsertLocked(a, f, it)
			if e == nil {
				continue
			}
			if first == 0 {
				first = len(e.versions)
			}
			answers = append(answers, a.echo(e, it.edit(a.who.Name)))
		}
		return map[string]any{"secrets": answers}, first, nil
	})
}

// items checks the batch as a whole and drops all but the last of one name.
func (a ask) items() ([]item, *refusal) {
	if len(a.body.Secrets) == 0 {
		return nil, invalid(issue{Code: "too_small", Path: []string{"secrets"}, Message: "Array must contain at least 1 element(s)"})
	}
	var items []item
	for _, it := range a.body.Secrets {
		if it.SecretPath != "" && (Place{Path: it.SecretPath}).clean().Path != a.at.Path {
			return nil, badRequest("The sandbox updates one path per batch")
		}
		if no := a.writable(Edit, it.edit("")); no != nil {
			return nil, no
		}
		if a.body.Mode == "upsert" {
			if no := a.allowed(Create, a.at); no != nil {
				return nil, no
			}
		}
		same := func(o item) bool { return o.SecretKey == it.SecretKey }
		if i := slices.IndexFunc(items, same); i >= 0 {
			items[i] = it
			continue
		}
		items = append(items, it)
	}
	return items, nil
}

func (it item) edit(by string) edit {
	return edit{value: it.SecretValue, comment: it.SecretComment, metadata: it.SecretMetadata, by: by}
}

func absent(a ask, f *folder, items []item) *refusal {
	if a.body.Mode == "ignore" || a.body.Mode == "upsert" {
		return nil
	}
	for _, it := range items {
		if f.entries[it.SecretKey] == nil {
			return notFound("NotFound", "Secret does not exist: %s in path %s", it.SecretKey, a.at.Path)
		}
	}
	return nil
}

// upsertLocked edits an entry, or creates it in mode "upsert"; nil where mode
// "ignore" leaves it out.
func (s *Server) upsertLocked(a ask, f *folder, it item) *entry {
	e := f.entries[it.SecretKey]
	switch {
	case e != nil:
		s.editLocked(e, it.edit(a.who.Name))
	case a.body.Mode == "upsert":
		e = s.createLocked(f, it.SecretKey, it.edit(a.who.Name))
	}
	return e
}
