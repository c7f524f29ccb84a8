"""The pages of the app: from what `shared/views` made to HTML.  Nothing here decides or reads anything."""
