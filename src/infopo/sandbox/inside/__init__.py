"""What runs on the other side: started by the path of this folder, standard library only, nothing of this project."""
