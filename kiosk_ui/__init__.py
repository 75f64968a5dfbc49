"""The faces: server-rendered pages that speak HTTP to the query API and import none of ours."""
