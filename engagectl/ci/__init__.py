"""What a job on a code host needs: comments, issues, approved plans, over the host's API. It reaches no warehouse."""
