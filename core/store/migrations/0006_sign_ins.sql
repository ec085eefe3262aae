-- How reviewers had signed in when they voted: a vote is judged by it again for as long as it counts. Votes from before say nothing.

SET LOCAL lock_timeout = '5s';

ALTER TABLE reviews
  -- When, if the token said.
  ADD COLUMN signed_in_at timestamptz(3),
  -- By what; NULL = the credentials said nothing of it.
  ADD COLUMN sign_in_methods text[],
  ADD CONSTRAINT reviews_sign_in CHECK (signed_in_at IS NULL OR sign_in_methods IS NOT NULL);

-- Of a grant that waits to begin, the same of each of its approvers, in their order: JSON.
ALTER TABLE grants ADD COLUMN casts text;

-- A service that does not know the columns refuses policies that ask for a sign-in, so it may run on.
UPDATE schema_state SET version = 3;
